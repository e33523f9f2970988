# SPDX-License-Identifier: Apache-2.0
"""Greengrass V2 deployments: one live deployment per target, counts from the cores."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.recipes import BUCKET, recipe

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-greengrass-deployments")

NAME = "test.Deployed"


@pytest.fixture(scope="module")
def greengrass(client):
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"model one")
    service = client("greengrassv2")
    for version in ("1.0.0", "1.9.0"):
        service.create_component_version(inlineRecipe=recipe(version, name=NAME))
    return service


@pytest.fixture(scope="module")
def group(client):
    """A thing group with two cameras; returns its ARN."""
    iot = client("iot")
    arn: str = iot.create_thing_group(thingGroupName="test-canary")["thingGroupArn"]
    for name in ("camera-1", "camera-2"):
        iot.create_thing(thingName=name)
        iot.add_thing_to_thing_group(thingGroupName="test-canary", thingName=name)
    return arn


@pytest.fixture(scope="module")
def report(client):
    """How a core says what became of a deployment: the execution of its job."""

    def send(thing: str, created: Any, status: str, reason: str = "") -> None:
        details = {"deployment-failure-cause": reason} if reason else {}
        client("iot-jobs-data").update_job_execution(
            jobId=created["iotJobId"], thingName=thing, status=status, statusDetails=details
        )

    return send


@pytest.fixture(scope="module")
def status(client):
    """What a core says of itself, as nuclei write it."""

    def send(thing: str, *, health: str = "HEALTHY", kind: str = "COMPLETE", **states: str) -> None:
        message = {
            "ggcVersion": "2.17.0",
            "platform": "linux",
            "architecture": "amd64",
            "runtime": "aws_nucleus_lite",
            "thing": thing,
            "overallDeviceStatus": health,
            "messageType": kind,
            "components": [
                {"componentName": f"test.{name}", "version": "1.0.0", "status": state}
                for name, state in states.items()
            ],
        }
        client("iot-data").publish(
            topic=f"$aws/things/{thing}/greengrassv2/health/json", payload=json.dumps(message)
        )

    return send


def deploy(greengrass: Any, group: str, version: str, **more: Any) -> Any:
    return greengrass.create_deployment(
        targetArn=group, components={NAME: {"componentVersion": version}}, **more
    )


def job(client: Any, created: Any) -> Any:
    return client("iot").describe_job(jobId=created["iotJobId"])["job"]


def test_a_deployment_runs_to_the_counts_of_its_job(greengrass, client, group, report, status):
    created = deploy(greengrass, group, "1.0.0", deploymentName="one")
    assert job(client, created)["jobProcessDetails"]["numberOfQueuedThings"] == 2
    mine = greengrass.list_effective_deployments(coreDeviceThingName="camera-1")
    assert [
        (item["deploymentId"], item["coreDeviceExecutionStatus"])
        for item in mine["effectiveDeployments"]
    ] == [(created["deploymentId"], "QUEUED")]

    report("camera-1", created, "IN_PROGRESS")
    report("camera-1", created, "SUCCEEDED")
    status("camera-1", Deployed="RUNNING")
    report("camera-2", created, "FAILED", "outputs differ")
    status("camera-2", health="UNHEALTHY", Deployed="BROKEN")

    details = job(client, created)["jobProcessDetails"]
    assert details["numberOfSucceededThings"] == 1
    assert details["numberOfFailedThings"] == 1
    failed = greengrass.list_effective_deployments(coreDeviceThingName="camera-2")
    assert failed["effectiveDeployments"][0]["reason"] == "outputs differ"
    cores = greengrass.list_core_devices(thingGroupArn=group)["coreDevices"]
    assert {item["coreDeviceThingName"]: item["status"] for item in cores} == {
        "camera-1": "HEALTHY",
        "camera-2": "UNHEALTHY",
    }
    installed = greengrass.list_installed_components(coreDeviceThingName="camera-1")
    [one] = installed["installedComponents"]
    assert (one["componentVersion"], one["lifecycleState"]) == ("1.0.0", "RUNNING")


def test_a_partial_status_says_nothing_of_other_components(greengrass, group, status):
    status("camera-1", One="RUNNING", Two="RUNNING")
    status("camera-1", kind="PARTIAL", Two="BROKEN", health="UNHEALTHY")

    def states():
        found = greengrass.list_installed_components(coreDeviceThingName="camera-1")
        return {
            part["componentName"]: part["lifecycleState"] for part in found["installedComponents"]
        }

    assert states() == {"test.One": "RUNNING", "test.Two": "BROKEN"}
    assert greengrass.get_core_device(coreDeviceThingName="camera-1")["status"] == "UNHEALTHY"
    status("camera-1", One="RUNNING")
    assert states() == {"test.One": "RUNNING"}


@pytest.mark.parametrize("payload", [b"{", b"[]", b"{}", b'{"ggcVersion": 1}', b"\xff"])
def test_a_status_that_cannot_be_read_is_dropped(greengrass, client, group, payload):
    before = greengrass.get_core_device(coreDeviceThingName="camera-1")
    client("iot-data").publish(
        topic="$aws/things/camera-1/greengrassv2/health/json", payload=payload
    )
    client("iot-data").publish(topic="$aws/things/nobody/greengrassv2/health/json", payload=payload)
    after = greengrass.get_core_device(coreDeviceThingName="camera-1")
    assert (after["status"], after["coreVersion"]) == (before["status"], before["coreVersion"])


def test_a_second_deployment_supersedes_the_first(greengrass, client, group):
    before = greengrass.list_deployments(targetArn=group)["deployments"][0]["deploymentId"]
    created = deploy(greengrass, group, "1.9.0")

    latest = greengrass.list_deployments(targetArn=group)["deployments"]
    assert [item["deploymentId"] for item in latest] == [created["deploymentId"]]
    old = greengrass.get_deployment(deploymentId=before)
    assert (old["deploymentStatus"], old["isLatestForTarget"]) == ("CANCELED", False)
    assert client("iot").describe_job(jobId=old["iotJobId"])["job"]["status"] == "CANCELED"
    everything = greengrass.list_deployments(targetArn=group, historyFilter="ALL")["deployments"]
    assert [item["revisionId"] for item in everything] == ["2", "1"]
    effective = greengrass.list_effective_deployments(coreDeviceThingName="camera-1")
    assert [item["deploymentId"] for item in effective["effectiveDeployments"]] == [
        created["deploymentId"]
    ]


def test_a_client_token_is_answered_from_the_cache_whatever_became_of_it(greengrass, group):
    made = deploy(greengrass, group, "1.0.0", clientToken="once")
    again = deploy(greengrass, group, "1.9.0", clientToken="once")
    assert again["deploymentId"] == made["deploymentId"]
    greengrass.cancel_deployment(deploymentId=made["deploymentId"])
    greengrass.delete_deployment(deploymentId=made["deploymentId"])
    late = deploy(greengrass, group, "1.0.0", clientToken="once")
    assert late["deploymentId"] == made["deploymentId"]
    other = deploy(greengrass, group, "1.9.0", clientToken="twice")
    assert other["deploymentId"] != made["deploymentId"]


def test_a_camera_that_joins_the_group_gets_its_deployment(greengrass, client, group):
    client("iot").create_thing(thingName="camera-3")
    nothing = greengrass.list_effective_deployments(coreDeviceThingName="camera-3")
    client("iot").add_thing_to_thing_group(thingGroupArn=group, thingName="camera-3")
    joined = greengrass.list_effective_deployments(coreDeviceThingName="camera-3")

    assert nothing["effectiveDeployments"] == []
    assert joined["effectiveDeployments"][0]["coreDeviceExecutionStatus"] == "QUEUED"


def test_only_what_is_not_active_can_be_deleted(greengrass, group):
    active = deploy(greengrass, group, "1.0.0")["deploymentId"]
    with pytest.raises(greengrass.exceptions.ConflictException, match="cancel it"):
        greengrass.delete_deployment(deploymentId=active)
    greengrass.cancel_deployment(deploymentId=active)
    assert greengrass.get_deployment(deploymentId=active)["deploymentStatus"] == "CANCELED"
    greengrass.delete_deployment(deploymentId=active)
    with pytest.raises(greengrass.exceptions.ResourceNotFoundException):
        greengrass.get_deployment(deploymentId=active)


def test_the_abort_criteria_cancel_a_rollout(greengrass, client, group, report):
    created = deploy(
        greengrass,
        group,
        "1.0.0",
        iotJobConfiguration={
            "abortConfig": {
                "criteriaList": [
                    {
                        "failureType": "FAILED",
                        "action": "CANCEL",
                        "thresholdPercentage": 50,
                        "minNumberOfExecutedThings": 1,
                    }
                ]
            }
        },
    )
    report("camera-1", created, "FAILED")
    assert job(client, created)["status"] == "CANCELED"
    status = greengrass.get_deployment(deploymentId=created["deploymentId"])["deploymentStatus"]
    assert status == "CANCELED"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targetArn": "arn:aws:iot:us-east-1:111111111111:thinggroup/none"}, "does not exist"),
        ({"components": {NAME: {"componentVersion": "9.9.9"}}}, "9.9.9 does not exist"),
        (
            {
                "components": {
                    NAME: {
                        "componentVersion": "1.0.0",
                        "configurationUpdate": {"merge": "{not json"},
                    }
                }
            },
            "merge",
        ),
    ],
)
def test_a_deployment_of_what_is_not_there_is_refused(greengrass, group, change, message):
    request = {"targetArn": group, "components": {NAME: {"componentVersion": "1.0.0"}}}
    with pytest.raises(ClientError, match=message):
        greengrass.create_deployment(**{**request, **change})
