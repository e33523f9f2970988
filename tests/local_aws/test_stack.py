# SPDX-License-Identifier: Apache-2.0
"""A stack from creation to deletion, and what flows through it: events, messages, alarms."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.template import template

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-stack")

BUCKET = "stack-dataset"


@pytest.fixture(scope="module")
def cloudformation(client):
    return client("cloudformation")


def describe(cloudformation: Any) -> Any:
    return cloudformation.describe_stacks(StackName="small")["Stacks"][0]


@pytest.fixture(scope="module")
def outputs(cloudformation, until):
    """The stack, created; returns its outputs."""
    cloudformation.create_stack(StackName="small", TemplateBody=template())

    def done() -> Any:
        stack = describe(cloudformation)
        return stack if not stack["StackStatus"].endswith("IN_PROGRESS") else None

    stack = until(done, seconds=30, what="creation of the stack")
    reasons = [
        event.get("ResourceStatusReason")
        for event in cloudformation.describe_stack_events(StackName="small")["StackEvents"]
    ]
    assert stack["StackStatus"] == "CREATE_COMPLETE", reasons
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


def change(cloudformation: Any, until: Any, **arguments: Any) -> str:
    cloudformation.update_stack(StackName="small", TemplateBody=template(**arguments))

    def done() -> Any:
        status = describe(cloudformation)["StackStatus"]
        return status if not status.endswith("IN_PROGRESS") else None

    status: str = until(done, seconds=30, what="update of the stack")
    return status


def publish(client: Any, topic: str, document: dict[str, Any]) -> None:
    client("iot-data").publish(topic=topic, qos=1, payload=json.dumps(document))


def keys(client: Any, prefix: str) -> list[str]:
    listed = client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [item["Key"] for item in listed.get("Contents", [])]


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


def test_a_manifest_starts_the_pipeline_and_its_model_the_rollout(outputs, client, until):
    sagemaker, states = client("sagemaker"), client("stepfunctions")
    client("s3").put_object(Bucket=BUCKET, Key="photos/manifest.json", Body=b"[]")

    def ended() -> Any:
        found = sagemaker.list_pipeline_executions(PipelineName="stack-training")
        return [
            item
            for item in found["PipelineExecutionSummaries"]
            if item["PipelineExecutionStatus"] != "Executing"
        ]

    (execution,) = until(ended, what="the pipeline")
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution
    run = execution["PipelineExecutionArn"].rpartition("/")[2]
    said = client("s3").get_object(Bucket=BUCKET, Key=f"said/{run}/said.txt")["Body"].read()
    assert said == b"first photos/manifest.json"

    machine = "arn:aws:states:us-east-1:111111111111:stateMachine:stack-rollout"
    (rollout,) = until(lambda: states.list_executions(stateMachineArn=machine)["executions"])
    described = states.describe_execution(executionArn=rollout["executionArn"])
    event = json.loads(described["input"])
    assert event["source"] == "aws.sagemaker"
    assert event["resources"] == [event["detail"]["ModelPackageArn"]]
    assert event["detail"]["ModelPackageGroupName"] == "stack-models"
    assert event["detail"]["ModelPackageVersion"] == 1
    assert event["detail"]["MetadataProperties"]["GeneratedBy"] == execution["PipelineExecutionArn"]


def test_only_a_new_approval_is_announced(outputs, client, until):
    sagemaker, states = client("sagemaker"), client("stepfunctions")
    machine = "arn:aws:states:us-east-1:111111111111:stateMachine:stack-rollout"
    before = len(states.list_executions(stateMachineArn=machine)["executions"])
    arn = sagemaker.create_model_package(ModelPackageGroupName="stack-models")["ModelPackageArn"]
    for status in ("Approved", "Approved", "Rejected"):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
    until(lambda: len(states.list_executions(stateMachineArn=machine)["executions"]) > before)
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == before + 1
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "Rejected"


def test_a_detection_is_archived_compressed_and_remembered(outputs, client, until):
    model = {"digest": "abc", "version": "1.0.0"}
    detection = {"schema": 1, "thing": "camera-7", "sequence": 5, "model": model}
    publish(client, "stack/camera-7/detections", detection)
    publish(client, "stack/camera-7/detections", {**detection, "sequence": 6})
    publish(client, "stack/camera-8/detections", {**detection, "sequence": 7})  # not its own topic

    archived = until(lambda: len(found := keys(client, "detections/date=")) == 2 and found)
    lines = []
    for key in archived:
        assert key.endswith(".gz")
        body = client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        text = gzip.decompress(body).decode()
        assert text.endswith("\n")
        lines.append(json.loads(text))
    assert sorted(line["sequence"] for line in lines) == [5, 6]
    row = client("dynamodb").get_item(TableName="stack-latest", Key={"thing": {"S": "camera-7"}})
    assert row["Item"]["sequence"] == {"N": "6"}
    assert row["Item"]["model"] == {"M": {"digest": {"S": "abc"}, "version": {"S": "1.0.0"}}}
    assert keys(client, "raw/") == ["raw/camera-7/5.json", "raw/camera-7/6.json"]


def test_a_camera_publishes_to_the_endpoint_of_its_account(outputs, client, aws, until):
    def post(path: str) -> int:
        request = urllib.request.Request(  # noqa: S310
            f"{aws.endpoint}/_binsight/iot/{path}",
            data=b'{"schema": 1, "thing": "camera 9", "sequence": 1}',
            method="POST",
        )
        with urllib.request.urlopen(request) as reply:  # noqa: S310
            status: int = reply.status
            return status

    topic = "topics/stack/camera%209/detections?qos=1"
    assert post(f"111111111111/us-east-1/{topic}") == 200
    assert post(f"222222222222/us-east-1/{topic}") == 200
    assert keys(client, "raw/camera 9/") == ["raw/camera 9/1.json"]
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post("topics/stack")


def test_problems_are_counted_raise_the_alarm_and_failures_are_logged(outputs, client, until):
    watch = client("cloudwatch")

    def state() -> str:
        found = watch.describe_alarms(AlarmNames=["stack-problems"])["MetricAlarms"][0]
        value: str = found["StateValue"]
        return value

    publish(client, "stack/camera-7/telemetry", {"problem": None})
    publish(client, "stack/camera-7/telemetry", {"problem": "camera lost"})
    assert state() == "OK"
    publish(client, "stack/camera-7/telemetry", {"problem": "camera lost"})
    until(lambda: state() == "ALARM")

    logs = client("logs")
    events = logs.get_log_events(logGroupName="stack-errors", logStreamName="iot-rule-action")
    failure = json.loads(events["events"][0]["message"])["failures"][0]
    assert failure["failedAction"] == "FirehoseAction"
    assert failure["failedResource"] == "not-there"


def test_an_update_changes_in_place_what_can_be_and_replaces_the_rest(
    outputs, client, cloudformation, until
):
    greengrass = client("greengrassv2")
    before = outputs["Deployment"]
    arguments = {"days": 60, "message": "second", "component": "1.1.0"}
    assert change(cloudformation, until, **arguments) == "UPDATE_COMPLETE"

    rules = client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert rules[0]["Expiration"]["Days"] == 60
    definition = client("sagemaker").describe_pipeline(PipelineName="stack-training")
    assert "second" in definition["PipelineDefinition"]
    alias = client("iot").describe_role_alias(roleAlias="stack-cameras")["roleAliasDescription"]
    assert alias["credentialDurationSeconds"] == 960
    stack = describe(cloudformation)
    after = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
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
    status = change(cloudformation, until, days=90, message="third", component="1.0.0")
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName="small")["StackEvents"]
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
    stack_id = describe(cloudformation)["StackId"]
    cloudformation.delete_stack(StackName="small")

    def gone() -> bool:
        status = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        assert status != "DELETE_FAILED", [
            (event["LogicalResourceId"], event.get("ResourceStatusReason"))
            for event in cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
            if event["ResourceStatus"] == "DELETE_FAILED"
        ]
        return bool(status == "DELETE_COMPLETE")

    until(gone, seconds=20)
    names = [item["Name"] for item in client("s3").list_buckets()["Buckets"]]
    assert BUCKET not in names
    assert client("iot").list_role_aliases()["roleAliases"] == []
    pipelines = client("sagemaker").list_pipelines(PipelineNamePrefix="stack-")
    assert pipelines["PipelineSummaries"] == []
    versions = client("greengrassv2").list_component_versions(
        arn="arn:aws:greengrass:us-east-1:111111111111:components:stack.Component"
    )["componentVersions"]
    assert [item["componentVersion"] for item in versions] == ["1.0.0"]
