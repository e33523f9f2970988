# SPDX-License-Identifier: Apache-2.0
"""A stack from creation to deletion: what is made, changed in place, replaced, kept."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from edge_testing.small_stack import change, create, describe, outputs_of

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-stack")

NAME, BUCKET = "stack", "stack-dataset"


@pytest.fixture(scope="module")
def cloudformation(client):
    return client("cloudformation")


@pytest.fixture(scope="module")
def outputs(cloudformation, until):
    """The stack, created; returns its outputs."""
    return create(cloudformation, until, NAME)


def test_references_have_the_form_that_aws_gives_them(outputs):
    account = "us-east-1:111111111111"
    assert outputs["Pipeline"] == "stack-training"
    assert outputs["Models"] == f"arn:aws:sagemaker:{account}:model-package-group/stack-models"
    assert outputs["AliasArn"] == f"arn:aws:iot:{account}:rolealias/stack-cameras"
    assert outputs["Component"].endswith(":components:stack.Component:versions:1.0.0")


def test_a_bucket_has_what_its_properties_say(outputs, client):
    s3 = client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert rules[0]["Expiration"]["Days"] == 30
    assert rules[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 7
    encryption = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
    default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    assert default["SSEAlgorithm"] == "aws:kms"
    assert default["KMSMasterKeyID"].startswith("arn:aws:kms:")
    assert s3.get_bucket_logging(Bucket=BUCKET)["LoggingEnabled"]["TargetPrefix"] == "logs/"
    controls = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    put = s3.put_object(Bucket=BUCKET, Key="by-default", Body=b"x")
    assert put["SSEKMSKeyId"] == default["KMSMasterKeyID"]
    put = s3.put_object(Bucket=BUCKET, Key="by-request", Body=b"x", ServerSideEncryption="aws:kms")
    assert put["SSEKMSKeyId"] == default["KMSMasterKeyID"]


def test_a_role_alias_gives_devices_credentials_of_the_account(outputs, client, aws):
    described = client("iot").describe_role_alias(roleAlias="stack-cameras")
    assert described["roleAliasDescription"]["credentialDurationSeconds"] == 930
    with pytest.raises(ClientError, match="between 900 and 43200"):
        client("iot").create_role_alias(
            roleAlias="long", roleArn="arn:aws:iam::1:role/x", credentialDurationSeconds=43201
        )


def test_an_update_changes_in_place_what_can_be_and_replaces_the_rest(
    outputs, client, cloudformation, until
):
    greengrass = client("greengrassv2")
    before = outputs["Deployment"]
    arguments = {"days": 60, "message": "second", "component": "1.1.0"}
    assert change(cloudformation, until, NAME, **arguments) == "UPDATE_COMPLETE"

    rules = client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert rules[0]["Expiration"]["Days"] == 60
    definition = client("sagemaker").describe_pipeline(PipelineName="stack-training")
    assert "second" in definition["PipelineDefinition"]
    alias = client("iot").describe_role_alias(roleAlias="stack-cameras")["roleAliasDescription"]
    assert alias["credentialDurationSeconds"] == 960
    stack = describe(cloudformation, NAME)
    after = outputs_of(stack)
    assert after["Deployment"] != before
    latest = greengrass.get_deployment(deploymentId=after["Deployment"])
    assert latest["components"]["stack.Component"]["componentVersion"] == "1.1.0"
    assert latest["components"]["stack.Component"]["configurationUpdate"]["merge"] == '{"a": 1}'
    with pytest.raises(greengrass.exceptions.ResourceNotFoundException):
        greengrass.get_deployment(deploymentId=before)
    # Retained, so that devices can roll back to it.
    assert greengrass.describe_component(arn=outputs["Component"])["componentVersion"] == "1.0.0"


def test_a_component_version_that_exists_fails_the_update_and_rolls_it_back(
    outputs, client, cloudformation, until
):
    status = change(cloudformation, until, NAME, days=90, message="third", component="1.0.0")
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName=NAME)["StackEvents"]
    ]
    assert any("already exists" in reason for reason in reasons)


def test_an_unknown_type_is_refused_before_anything_is_made(cloudformation):
    body = json.dumps({"Resources": {"X": {"Type": "AWS::GreengrassV2::Unknown"}}})
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        cloudformation.create_stack(StackName="odd", TemplateBody=body)


def test_deletion_empties_the_bucket_and_leaves_only_what_is_retained(
    outputs, client, cloudformation, until
):
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        client("s3").delete_bucket(Bucket=BUCKET)
    for package in client("sagemaker").list_model_packages(ModelPackageGroupName="stack-models")[
        "ModelPackageSummaryList"
    ]:
        client("sagemaker").delete_model_package(ModelPackageName=package["ModelPackageArn"])
    stack_id = describe(cloudformation, NAME)["StackId"]
    cloudformation.delete_stack(StackName=NAME)

    def gone() -> bool:
        status = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        assert status != "DELETE_FAILED", [
            (event["LogicalResourceId"], event.get("ResourceStatusReason"))
            for event in cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
            if event["ResourceStatus"] == "DELETE_FAILED"
        ]
        return bool(status == "DELETE_COMPLETE")

    until(gone)
    names = [item["Name"] for item in client("s3").list_buckets()["Buckets"]]
    assert BUCKET not in names
    assert client("iot").list_role_aliases()["roleAliases"] == []
    pipelines = client("sagemaker").list_pipelines(PipelineNamePrefix="stack-")
    assert pipelines["PipelineSummaries"] == []
    versions = client("greengrassv2").list_component_versions(
        arn="arn:aws:greengrass:us-east-1:111111111111:components:stack.Component"
    )["componentVersions"]
    assert [item["componentVersion"] for item in versions] == ["1.0.0"]
