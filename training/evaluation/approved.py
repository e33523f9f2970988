# SPDX-License-Identifier: Apache-2.0
"""The model in service: the latest approved package of the registry's group, and its archive."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.sagemaker_job import StepError

_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/[\w-]+/[0-9]+")
_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>[^?#]+\.tar\.gz)")
_LARGEST = 256 * 2**20
_DENIED = {"AccessDenied", "AccessDeniedException", "403"}
_GONE = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


@dataclass(frozen=True, kw_only=True)
class Approved:
    """The registry's entry. ``archive`` is None if it is unavailable; ``problem`` is the reason."""

    name: str
    archive: Path | None
    problem: str = ""


def fetch_approved(*, sagemaker: Any, s3: Any, group: str, folder: Path) -> Approved | None:
    """Download the archive of the group's latest approved package into ``folder``.

    Returns None without a group or an approved package: the first model has nothing to beat. A
    package with a missing or invalid archive is reported, not raised: it must not block every later
    model. A missing permission of the role is raised as StepError, because it would otherwise go
    unnoticed.
    """
    arn = _latest_approved(sagemaker, group)
    if arn is None:
        return None
    name = "/".join(arn.split("/")[1:])
    if not _ARN.fullmatch(arn):
        return Approved(name=name, archive=None, problem=f"strange ARN {arn!r}")
    described = _call(
        f"sagemaker:DescribeModelPackage on {arn}",
        lambda: sagemaker.describe_model_package(ModelPackageName=arn),
    )
    containers = (described.get("InferenceSpecification") or {}).get("Containers") or [{}]
    url = str(containers[0].get("ModelDataUrl", ""))
    place = _URL.fullmatch(url)
    if place is None:
        return Approved(
            name=name, archive=None, problem=f"ModelDataUrl {url!r} is not a .tar.gz in S3"
        )
    where = {"Bucket": place["bucket"], "Key": place["key"]}
    try:
        size = _call(f"s3:GetObject on {url}", lambda: _head(s3, where))["ContentLength"]
        if size > _LARGEST:
            return Approved(name=name, archive=None, problem=f"{url} has {size} bytes")
        archive = folder / "approved.tar.gz"
        _call(f"s3:GetObject on {url}", lambda: s3.download_file(*where.values(), str(archive)))
    except _GoneError:
        return Approved(name=name, archive=None, problem=f"{url} no longer exists")
    return Approved(name=name, archive=archive)


def _head(s3: Any, where: Mapping[str, str]) -> Any:
    """The object's headers, with the status that a role with list permission would get.

    Without it, S3 answers 403 for a missing object too. Listing the key distinguishes the two; if
    that is denied as well, the first answer stands.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        return s3.head_object(**where)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _DENIED:
            raise
        listed = s3.list_objects_v2(Bucket=where["Bucket"], Prefix=where["Key"], MaxKeys=1)
        if where["Key"] not in [one["Key"] for one in listed.get("Contents", [])]:
            raise _GoneError from error
        raise


def _latest_approved(sagemaker: Any, group: str) -> str | None:
    def find() -> str | None:
        pages = sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        # A page may be empty although another follows.
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                return str(summary["ModelPackageArn"])
        return None

    try:
        found: str | None = _call(f"sagemaker:ListModelPackages on group {group}", find)
    except _GoneError:
        return None
    return found


class _GoneError(Exception):
    """The requested resource does not exist."""


def _call(what: str, call: Any) -> Any:
    """Call AWS; errors name the missing permission. The client retries."""
    # Installed in SageMaker's image and the project's environment, not from training's
    # requirements.
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        return call()
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in _GONE or (code == "ValidationException" and "does not exist" in message):
            raise _GoneError from error
        if code in _DENIED:
            raise StepError(f"access denied: the job's role needs {what}") from error
        raise StepError(f"{what}: {code}: {message}") from error
    except BotoCoreError as error:
        raise StepError(f"{what}: {error}") from error
