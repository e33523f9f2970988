# SPDX-License-Identifier: Apache-2.0
"""Which model is in service: asked of the registry, with AWS's own answers and errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from training.evaluation.approved import fetch_approved
from training.sagemaker_job import StepError

GROUP = "binsight-models"
ARN = f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/{GROUP}/7"
URL = "s3://artifacts-bucket/models/run-7/model.tar.gz"
LIST = {
    "ModelPackageGroupName": GROUP,
    "ModelApprovalStatus": "Approved",
    "SortBy": "CreationTime",
    "SortOrder": "Descending",
}

KEY = "models/run-7/model.tar.gz"
LISTED = {"Bucket": "artifacts-bucket", "Prefix": KEY, "MaxKeys": 1}


def _listed(*keys: str) -> dict[str, Any]:
    return {"Contents": [{"Key": key} for key in keys]}


class _S3:
    """The stub of S3, and the transfer that Stubber cannot play."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.downloaded: list[tuple[str, str]] = []

    def head_object(self, **where: str) -> Any:
        return self._client.head_object(**where)

    def list_objects_v2(self, **where: Any) -> Any:
        return self._client.list_objects_v2(**where)

    def download_file(self, bucket: str, key: str, path: str) -> None:
        self.downloaded.append((bucket, key))
        Path(path).write_bytes(b"an archive")


@pytest.fixture(scope="module")
def clients() -> tuple[Any, Any]:
    """Made once: reading SageMaker's description takes a second."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
    return boto3.client("sagemaker", **keys), boto3.client("s3", **keys)


@pytest.fixture
def registry(clients: tuple[Any, Any]) -> Iterator[tuple[Any, Stubber, _S3, Stubber]]:
    sagemaker, s3 = clients
    with Stubber(sagemaker) as answers, Stubber(s3) as objects:
        yield sagemaker, answers, _S3(s3), objects
        answers.assert_no_pending_responses()
        objects.assert_no_pending_responses()


def _page(*arns: str, token: str | None = None) -> dict[str, Any]:
    summaries = [
        {
            "ModelPackageArn": arn,
            "CreationTime": 1,
            "ModelPackageStatus": "Completed",
            "ModelPackageGroupName": GROUP,
        }
        for arn in arns
    ]
    return {"ModelPackageSummaryList": summaries, **({"NextToken": token} if token else {})}


def _package(url: str, arn: str = ARN) -> dict[str, Any]:
    return {
        "ModelPackageName": GROUP,
        "ModelPackageArn": arn,
        "CreationTime": 1,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": url}]},
    }


def _fetch(registry: Any, folder: Path) -> Any:
    sagemaker, _, s3, _ = registry
    return fetch_approved(sagemaker=sagemaker, s3=s3, group=GROUP, folder=folder)


def test_the_newest_approved_package_is_downloaded(registry: Any, tmp_path: Path) -> None:
    _, answers, s3, objects = registry
    answers.add_response("list_model_packages", _page(token="more"), LIST)
    answers.add_response("list_model_packages", _page(ARN), {**LIST, "NextToken": "more"})
    answers.add_response("describe_model_package", _package(URL), {"ModelPackageName": ARN})
    objects.add_response(
        "head_object",
        {"ContentLength": 3_000_000},
        {"Bucket": "artifacts-bucket", "Key": "models/run-7/model.tar.gz"},
    )
    found = _fetch(registry, tmp_path)
    assert (found.name, found.problem) == (f"{GROUP}/7", "")
    assert found.archive.read_bytes() == b"an archive"
    assert s3.downloaded == [("artifacts-bucket", "models/run-7/model.tar.gz")]


def test_nothing_approved_and_no_group_mean_first_model(registry: Any, tmp_path: Path) -> None:
    _, answers, _, _ = registry
    answers.add_response("list_model_packages", _page(), LIST)
    assert _fetch(registry, tmp_path) is None
    answers.add_client_error(
        "list_model_packages",
        "ValidationException",
        f"ModelPackageGroup arn:aws:sagemaker:eu-west-1:123456789012:{GROUP} does not exist.",
    )
    assert _fetch(registry, tmp_path) is None


@pytest.mark.parametrize(
    ("url", "head", "problem"),
    [
        ("https://elsewhere/model.tar.gz", None, "is not a .tar.gz in S3"),
        ("s3://artifacts-bucket/models/run-7/", None, "is not a .tar.gz in S3"),
        (URL, "404", "no longer exists"),
        (URL, "403", "no longer exists"),
        (URL, 10**9, "has 1000000000 bytes"),
    ],
)
def test_an_archive_that_cannot_be_had_is_told(
    registry: Any, tmp_path: Path, url: str, head: Any, problem: str
) -> None:
    _, answers, s3, objects = registry
    answers.add_response("list_model_packages", _page(ARN), LIST)
    answers.add_response("describe_model_package", _package(url), {"ModelPackageName": ARN})
    if isinstance(head, int):
        objects.add_response("head_object", {"ContentLength": head})
    elif head:
        objects.add_client_error("head_object", head, "Not Found")
    if head == "403":  # what S3 says to who may not list the bucket: the list tells
        objects.add_response("list_objects_v2", _listed(f"{KEY}.old"), LISTED)
    found = _fetch(registry, tmp_path)
    assert found.archive is None
    assert problem in found.problem
    assert s3.downloaded == []


@pytest.mark.parametrize(
    ("step", "code", "needed"),
    [
        ("list", "AccessDeniedException", f"sagemaker:ListModelPackages on group {GROUP}"),
        ("describe", "AccessDeniedException", f"sagemaker:DescribeModelPackage on {ARN}"),
        ("head", "403", f"s3:GetObject on {URL}"),
        ("head and list", "403", f"s3:GetObject on {URL}"),
    ],
)
def test_a_missing_permission_is_named(
    registry: Any, tmp_path: Path, step: str, code: str, needed: str
) -> None:
    _, answers, _, objects = registry
    if step == "list":
        answers.add_client_error("list_model_packages", code, "no")
    else:
        answers.add_response("list_model_packages", _page(ARN), LIST)
    if step == "describe":
        answers.add_client_error("describe_model_package", code, "no")
    if step.startswith("head"):
        answers.add_response("describe_model_package", _package(URL), {"ModelPackageName": ARN})
        objects.add_client_error("head_object", code, "Forbidden")
    if step == "head":
        objects.add_response("list_objects_v2", _listed(KEY), LISTED)
    if step == "head and list":
        objects.add_client_error("list_objects_v2", "AccessDenied", "no", expected_params=LISTED)
    with pytest.raises(StepError) as error:
        _fetch(registry, tmp_path)
    assert str(error.value) == f"access denied: the job's role needs {needed}"


def test_another_error_keeps_its_name(registry: Any, tmp_path: Path) -> None:
    _, answers, _, _ = registry
    answers.add_client_error("list_model_packages", "ThrottlingException", "slow down")
    with pytest.raises(StepError, match="ThrottlingException: slow down"):
        _fetch(registry, tmp_path)
