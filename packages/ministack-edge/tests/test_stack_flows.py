# SPDX-License-Identifier: Apache-2.0
"""What flows through a stack: events that start things, messages, metrics and alarms."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from edge_testing.small_stack import create

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-stack-flows")

NAME, BUCKET = "flows", "flows-dataset"


@pytest.fixture(scope="module")
def cloudformation(client):
    return client("cloudformation")


@pytest.fixture(scope="module")
def outputs(cloudformation, until):
    """The stack, created; returns its outputs."""
    return create(cloudformation, until, NAME)


def publish(client: Any, topic: str, document: dict[str, Any]) -> None:
    client("iot-data").publish(topic=topic, qos=1, payload=json.dumps(document))


def keys(client: Any, prefix: str) -> list[str]:
    listed = client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [item["Key"] for item in listed.get("Contents", [])]


def test_a_manifest_starts_the_pipeline_and_its_model_the_rollout(outputs, client, until):
    sagemaker, states = client("sagemaker"), client("stepfunctions")
    client("s3").put_object(Bucket=BUCKET, Key="photos/manifest.json", Body=b"[]")

    def ended() -> Any:
        found = sagemaker.list_pipeline_executions(PipelineName="flows-training")
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

    machine = "arn:aws:states:us-east-1:111111111111:stateMachine:flows-rollout"
    (rollout,) = until(lambda: states.list_executions(stateMachineArn=machine)["executions"])
    described = states.describe_execution(executionArn=rollout["executionArn"])
    event = json.loads(described["input"])
    assert event["source"] == "aws.sagemaker"
    assert event["resources"] == [event["detail"]["ModelPackageArn"]]
    assert event["detail"]["ModelPackageGroupName"] == "flows-models"
    assert event["detail"]["ModelPackageVersion"] == 1
    assert event["detail"]["MetadataProperties"]["GeneratedBy"] == execution["PipelineExecutionArn"]


def test_only_a_new_approval_is_announced(outputs, client, until):
    sagemaker, states = client("sagemaker"), client("stepfunctions")
    machine = "arn:aws:states:us-east-1:111111111111:stateMachine:flows-rollout"
    before = len(states.list_executions(stateMachineArn=machine)["executions"])
    arn = sagemaker.create_model_package(ModelPackageGroupName="flows-models")["ModelPackageArn"]
    for status in ("Approved", "Approved", "Rejected"):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
    until(lambda: len(states.list_executions(stateMachineArn=machine)["executions"]) > before)
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == before + 1
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "Rejected"


def test_a_detection_is_archived_compressed_and_remembered(outputs, client, until):
    model = {"digest": "abc", "version": "1.0.0"}
    detection = {"schema": 1, "thing": "camera-7", "sequence": 5, "model": model}
    publish(client, "flows/camera-7/detections", detection)
    publish(client, "flows/camera-7/detections", {**detection, "sequence": 6})
    publish(client, "flows/camera-8/detections", {**detection, "sequence": 7})  # not its own topic

    archived = until(lambda: len(found := keys(client, "detections/date=")) == 2 and found)
    lines = []
    for key in archived:
        assert key.endswith(".gz")
        body = client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        text = gzip.decompress(body).decode()
        assert text.endswith("\n")
        lines.append(json.loads(text))
    assert sorted(line["sequence"] for line in lines) == [5, 6]
    row = client("dynamodb").get_item(TableName="flows-latest", Key={"thing": {"S": "camera-7"}})
    assert row["Item"]["sequence"] == {"N": "6"}
    assert row["Item"]["model"] == {"M": {"digest": {"S": "abc"}, "version": {"S": "1.0.0"}}}
    assert keys(client, "raw/") == ["raw/camera-7/5.json", "raw/camera-7/6.json"]


def test_a_message_sets_off_the_rules_of_its_own_account(outputs, client):
    for account in ("111111111111", "222222222222"):
        client("iot-data", account=account).publish(
            topic="flows/camera 9/detections",
            qos=1,
            payload=b'{"schema": 1, "thing": "camera 9", "sequence": 1}',
        )
    assert keys(client, "raw/camera 9/") == ["raw/camera 9/1.json"]


def test_problems_are_counted_raise_the_alarm_and_failures_are_logged(outputs, client, until):
    watch = client("cloudwatch")

    def state() -> str:
        found = watch.describe_alarms(AlarmNames=["flows-problems"])["MetricAlarms"][0]
        value: str = found["StateValue"]
        return value

    publish(client, "flows/camera-7/telemetry", {"problem": None})
    publish(client, "flows/camera-7/telemetry", {"problem": "camera lost"})
    assert state() == "OK"
    publish(client, "flows/camera-7/telemetry", {"problem": "camera lost"})
    until(lambda: state() == "ALARM")

    logs = client("logs")
    events = logs.get_log_events(logGroupName="flows-errors", logStreamName="iot-rule-action")
    failure = json.loads(events["events"][0]["message"])["failures"][0]
    assert failure["failedAction"] == "FirehoseAction"
    assert failure["failedResource"] == "not-there"
