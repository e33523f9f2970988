# SPDX-License-Identifier: Apache-2.0
"""Trained in one account, run in others: by an approval and by `make promote`."""

import hashlib
import json

import pytest

from rollout.package import package
from rollout.settings import from_environment
from tests.promotion.conftest import Exchange, until
from tests.promotion.models import METADATA, approve, of_content, register
from tests.rollout.conftest import ENVIRONMENT
from tools import promote

pytestmark = pytest.mark.xdist_group("promotion")

APPROVALS = {"prod": "PendingManualApproval", "second": "Approved"}
"""What the settings of each say."""


@pytest.fixture
def operator(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process environment of prod's operator, who has the shipped policy."""
    one = exchange.settings["prod"]
    environment = exchange.aws.client_environment(
        account=one.account, region=one.region, person=exchange.people["prod"].operator
    )
    for key, value in environment.items():
        monkeypatch.setenv(key, value)


@pytest.fixture(scope="module")
def first(exchange: Exchange) -> bytes:
    """A model that staging approved and both others have."""
    content = b"the first model"
    approve(exchange, register(exchange, content))
    for name in APPROVALS:
        until(lambda name=name: of_content(exchange, name, content))
    return content


@pytest.mark.parametrize("name", APPROVALS)
def test_an_approval_brings_the_model_with_its_reports(
    exchange: Exchange, first: bytes, name: str
) -> None:
    [found] = of_content(exchange, name, first)
    assert found["ModelApprovalStatus"] == APPROVALS[name]
    outputs = exchange.outputs(name)
    digest = hashlib.sha256(first).hexdigest()
    here = f"s3://{outputs['ArtifactsBucket']}/models/promoted/{digest}"
    metadata = found["CustomerMetadataProperties"]
    assert metadata.pop("promoted_package").endswith("model-package/binsight-staging-models/1")
    assert metadata == {
        **METADATA,
        "archive_digest": digest,
        "promoted_from": "staging",
        "lineage": f"{here}/lineage.json",
        "report": f"{here}/evaluation-report.html",
        "data_report": f"{here}/data-report.html",
    }
    places = {
        found["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]: first,
        found["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]: b'{"binsight": {}}',
        metadata["report"]: b"evaluation of " + first,
        metadata["data_report"]: b"data of " + first,
    }
    for place, content in places.items():
        bucket, _, key = place.removeprefix("s3://").partition("/")
        answer = exchange.client("s3", name).get_object(Bucket=bucket, Key=key)
        assert answer["Body"].read() == content
        assert answer["SSEKMSKeyId"] == outputs["DataKeyArn"]
    # No place in the package is the source's.
    assert exchange.outputs("staging")["ArtifactsBucket"] not in json.dumps(found, default=str)
    assert "eu-west-1" in found["InferenceSpecification"]["Containers"][0]["Image"] or (
        exchange.settings[name].region == "us-west-2"
    )


def test_make_promote_of_what_is_there_changes_nothing(
    exchange: Exchange, first: bytes, operator: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = exchange.packages("prod")
    assert promote.main(["--source", "staging", "--target", "prod", "--model", "1"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert exchange.packages("prod") == before


def test_make_promote_brings_a_model_that_is_not_there(
    exchange: Exchange, first: bytes, operator: None, capsys: pytest.CaptureFixture[str]
) -> None:
    [found] = of_content(exchange, "prod", first)
    sagemaker = exchange.client("sagemaker", "prod")
    sagemaker.delete_model_package(ModelPackageName=found["ModelPackageArn"])
    arguments = ["--source", "staging", "--target", "prod", "--model", "1"]
    assert promote.main([*arguments, "--dry-run"]) == 0
    assert "would copy model.tar.gz" in capsys.readouterr().out
    assert of_content(exchange, "prod", first) == []
    assert promote.main(arguments) == 0
    said = capsys.readouterr().out
    assert "training-report.tar.gz was not copied" in said
    assert "PendingManualApproval" in said
    assert len(of_content(exchange, "prod", first)) == 1


def test_an_event_that_comes_twice_registers_one_package(exchange: Exchange, first: bytes) -> None:
    arn = exchange.packages("staging")[0]["ModelPackageArn"]
    function = exchange.outputs("second")["PromotionFunction"]
    event = {"detail": {"ModelPackageArn": arn}}
    for _ in range(2):
        answer = exchange.client("lambda", "second").invoke(
            FunctionName=function, Payload=json.dumps(event)
        )
        assert json.load(answer["Payload"])["created"] is False
    assert len(of_content(exchange, "second", first)) == 1


def test_only_what_the_source_approved_and_evaluated_is_promoted(
    exchange: Exchange, operator: None, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = register(exchange, b"waits")
    version = arn.rpartition("/")[2]
    arguments = ["--source", "staging", "--target", "prod", "--model"]
    assert promote.main([*arguments, version]) == 1
    assert f"version {version} of staging is PendingManualApproval" in capsys.readouterr().err
    assert promote.main([*arguments, "99"]) == 1
    assert "staging has no model version 99" in capsys.readouterr().err
    changed = register(exchange, b"changed since", evaluated=b"what was evaluated")
    approve(exchange, changed)
    assert promote.main([*arguments, changed.rpartition("/")[2]]) == 1
    assert "was evaluated and approved: train again" in capsys.readouterr().err
    for content in (b"waits", b"changed since"):
        assert of_content(exchange, "prod", content) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "staging", "--target", "staging"], "trains its own models"),
        (["--source", "second", "--target", "prod"], "allowed: 'staging'"),
        (["--source", "staging", "--target", "nowhere"], "environment 'nowhere': no file"),
        (["--source", "staging", "--target", "prod", "--model", "v3"], "MODEL='v3'"),
    ],
)
def test_what_cannot_be_promoted_is_said_before_anything_is_asked(
    exchange: Exchange,
    operator: None,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert promote.main(arguments) == 1
    assert said in capsys.readouterr().err


def test_the_rollout_needs_nothing_of_the_source(exchange: Exchange) -> None:
    content = b"outlives its source"
    arn = register(exchange, content)
    approve(exchange, arn)
    [found] = until(lambda: of_content(exchange, "second", content))
    exchange.client("sagemaker", "staging").delete_model_package(ModelPackageName=arn)
    bucket = exchange.outputs("staging")["ArtifactsBucket"]
    s3 = exchange.client("s3", "staging")
    for one in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=one["Key"])
    own = exchange.outputs("second")["ArtifactsBucket"]
    done = package(
        model_package_arn=found["ModelPackageArn"],
        settings=from_environment({**ENVIRONMENT, "ARTIFACTS_BUCKET": own}),
        sagemaker=exchange.client("sagemaker", "second"),
        s3=exchange.client("s3", "second"),
    )
    assert done["digest"] == hashlib.sha256(content).hexdigest()
