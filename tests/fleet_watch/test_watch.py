# SPDX-License-Identifier: Apache-2.0
"""The watcher against the local AWS: it reads the fleet, writes metrics, sends mails."""

import itertools
import json

import boto3
import pytest
from botocore.exceptions import ClientError

import device_state_handler as device_state
from fleet_watch.rows import rows
from fleet_watch.settings import from_environment
from fleet_watch.watch import run
from tests.fleet_watch.conftest import ACCOUNT, REGION
from tests.fleet_watch.local import component_event, deployment_event, presence, telemetry

MINUTE = 60_000
START = 1_764_000_000_000
_number = itertools.count()


class Fleet:
    """A thing group of three cameras and what the watcher needs."""

    def __init__(self, aws, table):
        number = next(_number)
        self.group = f"fleet-{number}-runtime"
        self.namespace = f"Binsight/{number}"
        self.table = table
        self.iot, self.aws = aws.client("iot"), aws
        group = self.iot.create_thing_group(thingGroupName=self.group)
        self.group_arn = group["thingGroupArn"]
        self.cameras = [f"f{number}-cam-{one}" for one in range(3)]
        for thing in self.cameras:
            self.iot.create_thing(thingName=thing)
            self.iot.add_thing_to_thing_group(thingGroupName=self.group, thingName=thing)
        topic = aws.client("sns").create_topic(Name=f"alerts-{number}")["TopicArn"]
        self.queue = aws.client("sqs").create_queue(QueueName=f"mails-{number}")["QueueUrl"]
        aws.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:mails-{number}",
        )
        self.settings = from_environment(
            {
                "PLACE": "dev",
                "LATEST_TABLE": table.name,
                "ALERTS_TOPIC": topic,
                "METRIC_NAMESPACE": self.namespace,
                "THING_GROUP": self.group,
                "THING_GROUP_ARN": self.group_arn,
                "SILENT_AFTER_SECONDS": "180",
            }
        )
        names = {
            "greengrass": "greengrassv2",
            "iot": "iot",
            "sns": "sns",
            "cloudwatch": "cloudwatch",
        }
        self.clients = {name: aws.client(service) for name, service in names.items()}
        self.clients["dynamodb"] = aws.client("dynamodb", boto3.resource)

    def happens(self, *events):
        for event in events:
            for row in rows(event):
                assert device_state.write(self.table, row, lambda _thing: False)

    def watch(self, at_ms):
        return run(self.settings, self.clients, at_ms)

    def mails(self):
        sqs = self.aws.client("sqs")
        found = []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def fleet(aws, table):
    return Fleet(aws, table)


def test_a_silent_camera_is_counted_named_and_mailed(fleet, capsys):
    first, second, never = fleet.cameras
    fleet.happens(telemetry(first, START), telemetry(second, START))
    assert fleet.watch(START + MINUTE)["SilentCameras"] == 0
    fleet.happens(telemetry(first, START + 5 * MINUTE), presence(second, START + 1, "disconnected"))
    capsys.readouterr()
    metrics = fleet.watch(START + 5 * MINUTE)
    assert metrics["Cameras"] == 3
    assert metrics["SilentCameras"] == 2
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"silent": second, "since_ms": START, "connected": False} in said
    assert fleet.mails() == []
    fleet.happens(telemetry(first, START + 7 * MINUTE))
    fleet.watch(START + 7 * MINUTE)
    [letter] = fleet.mails()
    assert letter["Subject"] == "Binsight dev: problems: 2 began"
    assert f"{second} is silent" in letter["Message"]
    assert f"{never} has never sent anything" in letter["Message"]
    stored = fleet.clients["cloudwatch"].list_metrics(
        Namespace=fleet.namespace, MetricName="SilentCameras"
    )
    assert len(stored["Metrics"]) == 1


def test_a_camera_that_was_taken_out_of_service_is_not_silent(fleet):
    for thing in fleet.cameras:
        fleet.happens(telemetry(thing, START))
    fleet.iot.remove_thing_from_thing_group(thingGroupName=fleet.group, thingName=fleet.cameras[0])
    metrics = fleet.watch(START + 60 * MINUTE)
    assert (metrics["Cameras"], metrics["SilentCameras"]) == (2, 2)


def test_a_refused_program_deployment_and_a_broken_component(fleet):
    first, second, third = fleet.cameras
    deployment = fleet.clients["greengrass"].create_deployment(
        targetArn=fleet.group_arn, deploymentName="program"
    )["deploymentId"]
    told = [telemetry(thing, START) for thing in fleet.cameras]
    later = START + MINUTE
    reason = "FAILED_ROLLBACK_COMPLETE: component exited with code 1"
    fleet.happens(
        *told,
        deployment_event(first, deployment, "FAILED", at_ms=later, reason=reason),
        deployment_event(second, "an-older-one", "FAILED", at_ms=later, reason=reason),
        deployment_event(second, deployment, "SUCCEEDED", at_ms=later),
        component_event(third, "binsight-dev.Inference", "BROKEN", at_ms=later),
    )
    metrics = fleet.watch(START + 2 * MINUTE)
    assert metrics["CamerasRefusingProgram"] == 1
    assert metrics["CamerasOnCurrentProgram"] == 1
    assert metrics["CamerasBroken"] == 1
    fleet.watch(START + 3 * MINUTE)
    [letter] = fleet.mails()
    assert f"deployment was refused: {reason} on {first}" in letter["Message"]
    assert f"Component binsight-dev.Inference is broken on {third}" in letter["Message"]
    fleet.happens(telemetry(third, START + 4 * MINUTE))
    assert fleet.watch(START + 4 * MINUTE)["CamerasBroken"] == 0


def test_a_watcher_that_cannot_see_the_fleet_writes_no_metric(fleet):
    """Its alarm fires when the metric is missing."""
    fleet.iot.delete_thing_group(thingGroupName=fleet.group)
    with pytest.raises(ClientError):
        fleet.watch(START)
    found = fleet.clients["cloudwatch"].list_metrics(Namespace=fleet.namespace)
    assert found["Metrics"] == []


def test_the_problem_of_a_camera_is_counted_once(fleet):
    for thing in fleet.cameras:
        fleet.happens(telemetry(thing, START, problem="disk full; no model adopted yet"))
    assert fleet.watch(START + MINUTE)["CamerasWithProblem"] == 3
