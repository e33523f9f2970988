# SPDX-License-Identifier: Apache-2.0
import dataclasses
import hashlib
import json

import pytest
from botocore.stub import ANY

from rollout.package import ADOPT_SCRIPT, create_component, package
from rollout.settings import RolloutError
from tests.rollout.conftest import ACCOUNT, COMPONENT, REGION, body

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/binsight-dev/3"
ARCHIVE = b"a model archive"
DIGEST = hashlib.sha256(ARCHIVE).hexdigest()
KEY = "models/run-7/model.tar.gz"


def described(*, status="Approved", url=f"s3://artifacts/{KEY}", metadata=None):
    return {
        "ModelPackageName": "binsight-dev",
        "ModelPackageArn": ARN,
        "CreationTime": 0,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": status,
        "InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": url}]},
        "CustomerMetadataProperties": metadata or {},
    }


def run(service, settings, *, archive=ARCHIVE, **changed):
    sagemaker, s3 = service("sagemaker"), service("s3")
    bucket = settings.artifacts_bucket
    changed.setdefault("url", f"s3://{bucket}/{KEY}")
    sagemaker.answers("describe_model_package", described(**changed), ModelPackageName=ARN)
    s3.answers("get_object", {"Body": body(archive), "VersionId": "v9"}, Bucket=bucket, Key=KEY)
    s3.answers(
        "copy_object",
        {},
        Bucket=bucket,
        Key=ANY,
        CopySource={"Bucket": bucket, "Key": KEY, "VersionId": "v9"},
    )
    s3.answers(
        "put_object",
        {},
        Bucket=bucket,
        Key=ANY,
        Body=ADOPT_SCRIPT.read_bytes(),
        ContentType="text/x-python",
    )
    return package(
        model_package_arn=ARN, settings=settings, sagemaker=sagemaker.client, s3=s3.client
    )


def test_an_approved_model_becomes_a_version_that_follows_from_its_content(service, settings):
    first = run(service, settings, metadata={"archive_digest": DIGEST})
    folder = f"s3://artifacts/components/{COMPONENT}/{first['version']}"
    assert first == {
        "component": COMPONENT,
        "version": first["version"],
        "digest": DIGEST,
        "archive_uri": f"{folder}/model.tar.gz",
        "adopt_uri": f"{folder}/adopt.py",
        "adopt_digest": hashlib.sha256(ADOPT_SCRIPT.read_bytes()).hexdigest(),
        "model_package_arn": ARN,
    }
    assert run(service, settings) == first
    assert run(service, settings, archive=b"another")["version"] != first["version"]


def test_another_bucket_makes_another_version(service, settings):
    """What an environment left must not pass for a version of the next one with its name."""
    versions = {
        run(service, dataclasses.replace(settings, artifacts_bucket=bucket))["version"]
        for bucket in ("artifacts", "artifacts-again")
    }
    assert len(versions) == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"status": "Rejected"}, "is Rejected, not Approved"),
        ({"url": f"s3://elsewhere/{KEY}"}, "expected an archive under s3://artifacts/models/"),
        ({"url": "s3://artifacts/components/x/model.tar.gz"}, "expected an archive under"),
    ],
)
def test_what_was_not_approved_is_not_packaged(service, settings, changed, said):
    sagemaker = service("sagemaker")
    sagemaker.answers("describe_model_package", described(**changed), ModelPackageName=ARN)
    with pytest.raises(RolloutError, match=said):
        package(
            model_package_arn=ARN,
            settings=settings,
            sagemaker=sagemaker.client,
            s3=service("s3").client,
        )


def test_a_file_other_than_the_evaluated_one_is_not_packaged(service, settings):
    sagemaker, s3 = service("sagemaker"), service("s3")
    metadata = {"archive_digest": "0" * 64}
    sagemaker.answers("describe_model_package", described(metadata=metadata))
    s3.answers("get_object", {"Body": body(ARCHIVE)}, Bucket="artifacts", Key=KEY)
    with pytest.raises(RolloutError, match="was evaluated and approved"):
        package(model_package_arn=ARN, settings=settings, sagemaker=sagemaker.client, s3=s3.client)


COMPONENT_ARN = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:{COMPONENT}:versions:1.2.3"


def create(settings, greengrass):
    return create_component(
        version="1.2.3",
        digest=DIGEST,
        archive_uri="s3://artifacts/components/c/1.2.3/model.tar.gz",
        adopt_uri="s3://artifacts/components/c/1.2.3/adopt.py",
        settings=settings,
        greengrass=greengrass.client,
        sleep=lambda seconds: None,
    )


def state(greengrass, name, message="because"):
    greengrass.answers(
        "describe_component",
        {"arn": COMPONENT_ARN, "status": {"componentState": name, "message": message}},
        arn=COMPONENT_ARN,
    )


def test_a_component_is_created_and_waited_for(settings, greengrass):
    greengrass.fails("describe_component", "ResourceNotFoundException", arn=COMPONENT_ARN)
    greengrass.answers(
        "create_component_version",
        {
            "componentName": COMPONENT,
            "componentVersion": "1.2.3",
            "creationTimestamp": 0,
            "status": {"componentState": "REQUESTED"},
        },
        inlineRecipe=ANY,  # and no token of ours: botocore adds another one each time
    )
    for name in ("REQUESTED", "INITIATED", "DEPLOYABLE"):
        state(greengrass, name)
    assert create(settings, greengrass) == {
        "component": COMPONENT,
        "version": "1.2.3",
        "component_arn": COMPONENT_ARN,
        "created": True,
    }


def test_a_component_that_exists_is_left_alone(settings, greengrass):
    state(greengrass, "DEPLOYABLE")
    state(greengrass, "DEPLOYABLE")
    assert create(settings, greengrass)["created"] is False


def test_a_component_that_another_execution_made_meanwhile_is_taken(settings, greengrass):
    greengrass.fails("describe_component", "ResourceNotFoundException", arn=COMPONENT_ARN)
    greengrass.fails("create_component_version", "ConflictException")
    state(greengrass, "DEPLOYABLE")
    assert create(settings, greengrass)["created"] is False


def test_a_component_that_greengrass_refuses_ends_the_rollout(settings, greengrass):
    state(greengrass, "FAILED")
    state(greengrass, "FAILED", "artifact not found")
    with pytest.raises(RolloutError, match="FAILED: artifact not found"):
        create(settings, greengrass)


def test_a_component_that_never_becomes_deployable_ends_the_rollout(settings, greengrass):
    for _ in range(46):
        state(greengrass, "REQUESTED")
    with pytest.raises(RolloutError, match="not deployable after 45 s"):
        create(settings, greengrass)


def test_results_stay_small(service, settings):
    assert len(json.dumps(run(service, settings))) < 2000
