# SPDX-License-Identifier: Apache-2.0
"""Deployments reach a core as jobs over MQTT, and it reports them, under its IoT policies."""

import json
import time

import pytest

from rehearsal.simulated_core.fleet_status import ComponentStatus, FleetStatus
from rehearsal.simulated_core.jobs import NAMESPACE, DeploymentJobs
from rehearsal.simulated_core.mqtt import Connection, RefusedError, RejectedError

PREFIX = "binsight"
OTHER = f"{PREFIX}-cam-8"
PROGRAM = "test.Program"


@pytest.fixture(scope="module")
def greengrass(client_of):
    client = client_of("greengrassv2")
    recipe = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": PROGRAM,
        "ComponentVersion": "1.0.0",
        "ComponentDescription": "what it is",
        "Manifests": [{"Platform": {"os": "linux"}, "Lifecycle": {}}],
    }
    client.create_component_version(inlineRecipe=json.dumps(recipe).encode())
    return client


@pytest.fixture
def connection(endpoint, camera):
    with Connection(endpoint, camera.certificate, camera.thing) as connected:
        yield connected


@pytest.fixture
def group(iot, camera, request):
    """A thing group of the test's own that the camera is in."""
    name = request.node.originalname
    arn = iot.create_thing_group(thingGroupName=name)["thingGroupArn"]
    iot.add_thing_to_thing_group(thingGroupName=name, thingName=camera.thing)
    yield arn
    iot.remove_thing_from_thing_group(thingGroupName=name, thingName=camera.thing)


@pytest.fixture
def jobs(connection, camera, greengrass):
    found = DeploymentJobs(connection, camera.thing)
    found.listen()
    return found


def deploy(greengrass, group, **update):
    part = {"componentVersion": "1.0.0", **({"configurationUpdate": update} if update else {})}
    return greengrass.create_deployment(targetArn=group, components={PROGRAM: part})


def effective(greengrass, camera, created):
    found = greengrass.list_effective_deployments(coreDeviceThingName=camera.thing)
    [one] = [
        item
        for item in found["effectiveDeployments"]
        if item["deploymentId"] == created["deploymentId"]
    ]
    return one["coreDeviceExecutionStatus"], one.get("reason")


def test_a_deployment_is_announced_worked_on_and_reported(jobs, greengrass, group, camera):
    assert jobs.next() is None
    jobs.changed.clear()
    created = deploy(greengrass, group, merge='{"word": "two"}', reset=["/old"])
    assert jobs.changed.wait(30)
    job = jobs.next()
    assert (job.id, job.group) == (created["iotJobId"], group.rpartition("/")[2])
    assert job.document["deploymentId"] == created["deploymentId"]
    assert job.document["components"][PROGRAM] == {
        "version": "1.0.0",
        "configurationUpdate": {"merge": {"word": "two"}, "reset": ["/old"]},
    }
    assert effective(greengrass, camera, created) == ("QUEUED", None)
    jobs.update(job, "IN_PROGRESS")
    assert effective(greengrass, camera, created) == ("IN_PROGRESS", None)
    # It stays the next one until it is done: a core that starts again goes on with it.
    assert jobs.next().id == job.id
    jobs.update(job, "SUCCEEDED", detailed_deployment_status="SUCCESSFUL")
    assert effective(greengrass, camera, created) == ("SUCCEEDED", None)
    assert jobs.next() is None


def test_why_a_deployment_failed_is_seen_in_the_cloud(jobs, greengrass, group, camera):
    created = deploy(greengrass, group)
    jobs.update(jobs.next(), "FAILED", deployment_failure_cause="outputs differ" * 200)
    status, reason = effective(greengrass, camera, created)
    assert (status, reason[:14], len(reason)) == ("FAILED", "outputs differ", 1024)


def test_a_deployment_that_was_replaced_can_be_reported_no_more(jobs, greengrass, group):
    deploy(greengrass, group)
    first = jobs.next()
    jobs.update(first, "IN_PROGRESS")
    second = deploy(greengrass, group)
    assert jobs.next().id == second["iotJobId"]
    with pytest.raises(RejectedError):
        jobs.update(first, "SUCCEEDED")
    jobs.update(jobs.next(), "SUCCEEDED")


def test_two_groups_are_worked_on_in_the_order_of_their_jobs(jobs, greengrass, group, iot, camera):
    other = iot.create_thing_group(thingGroupName="second")["thingGroupArn"]
    late = deploy(greengrass, other)
    early = deploy(greengrass, group)
    # The camera joins a group that has a deployment: its job comes behind what was there.
    iot.add_thing_to_thing_group(thingGroupName="second", thingName=camera.thing)
    seen = []
    while (job := jobs.next()) is not None:
        seen.append(job.id)
        jobs.update(job, "SUCCEEDED")
    assert seen == [early["iotJobId"], late["iotJobId"]]
    iot.remove_thing_from_thing_group(thingGroupName="second", thingName=camera.thing)


@pytest.mark.parametrize("state", ["RUNNING", "BROKEN"])
def test_what_a_core_says_of_itself_is_seen_in_the_cloud(connection, greengrass, camera, state):
    status = FleetStatus(
        connection=connection, thing=camera.thing, nucleus="lite", architecture="amd64"
    )
    status.publish("NUCLEUS_LAUNCH", [ComponentStatus(name=PROGRAM, version="1.0.0", state=state)])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = greengrass.list_installed_components(coreDeviceThingName=camera.thing)
        [part] = found["installedComponents"]
        if part["lifecycleState"] == state:
            break
        time.sleep(0.05)
    assert (part["componentName"], part["lifecycleState"]) == (PROGRAM, state)
    core = greengrass.get_core_device(coreDeviceThingName=camera.thing)
    health = "HEALTHY" if state == "RUNNING" else "UNHEALTHY"
    assert (core["status"], core["coreVersion"]) == (health, "2.6.0")


@pytest.mark.parametrize(
    "topic",
    [
        f"$aws/things/{OTHER}/jobs/$next/{NAMESPACE}/get",
        f"$aws/things/{OTHER}/jobs/a-job/{NAMESPACE}/update",
        f"$aws/things/{OTHER}/greengrassv2/health/json",
        f"$aws/things/{OTHER}/shadow/name/AWSManagedGreengrassV2Deployment/update",
        # Its own, but AWS IoT's to write.
        f"$aws/things/{PREFIX}-cam-7/jobs/notify-next-{NAMESPACE}",
        f"$aws/things/{PREFIX}-cam-7/jobs/a-job/{NAMESPACE}/get/accepted",
    ],
)
def test_a_core_says_nothing_for_others_or_for_aws(connection, topic):
    with pytest.raises(RefusedError):
        connection.publish(topic, b"{}")


@pytest.mark.parametrize(
    "topic_filter",
    [
        f"$aws/things/{OTHER}/jobs/notify-next-{NAMESPACE}",
        f"$aws/things/+/jobs/notify-next-{NAMESPACE}",
        f"$aws/things/{OTHER}/shadow/#",
        "$aws/things/#",
        "$aws/events/#",
    ],
)
def test_a_core_hears_of_no_other_deployments(connection, topic_filter):
    with pytest.raises(RefusedError):
        connection.subscribe(topic_filter, lambda *_message: None)


def test_a_claim_hears_of_no_deployment(endpoint, claim):
    with Connection(endpoint, claim, f"{PREFIX}-claim-5") as asking, pytest.raises(RefusedError):
        DeploymentJobs(asking, f"{PREFIX}-cam-7").listen()
