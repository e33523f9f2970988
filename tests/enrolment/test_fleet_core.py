# SPDX-License-Identifier: Apache-2.0
"""A generated camera takes its jobs from the local AWS and reports them, as a core does."""

import json
import time

import pytest

from rehearsal.fleet.core import FleetCore
from rehearsal.fleet.link import Link

NAME = "test.Model"


@pytest.fixture(scope="module")
def greengrass(client_of):
    client = client_of("greengrassv2")
    for version in ("1.0.0", "2.0.0"):
        recipe = {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": NAME,
            "ComponentVersion": version,
            "ComponentDescription": "what it is",
            "Manifests": [{"Platform": {"os": "linux"}, "Lifecycle": {}}],
        }
        client.create_component_version(inlineRecipe=json.dumps(recipe).encode())
    return client


def test_good_and_bad_models_are_reported_through_the_cameras_own_connection(
    greengrass, iot, endpoint, enrolled, tmp_path
):
    identity = enrolled(tmp_path, "generated-1")
    group = iot.create_thing_group(thingGroupName="generated")["thingGroupArn"]
    iot.add_thing_to_thing_group(thingGroupName="generated", thingName=identity.thing)
    core = FleetCore(
        thing=identity.thing,
        nucleus="java",
        judge=lambda _name, version: "" if version == "1.0.0" else "too slow",
    )
    link = Link(endpoint, identity, core.attach)
    core.start()
    link.open()

    def deployed(version):
        components = {NAME: {"componentVersion": version}}
        created = greengrass.create_deployment(targetArn=group, components=components)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            [found] = greengrass.list_effective_deployments(coreDeviceThingName=identity.thing)[
                "effectiveDeployments"
            ]
            if found["coreDeviceExecutionStatus"] not in ("QUEUED", "IN_PROGRESS"):
                break
            time.sleep(0.05)
        assert found["deploymentId"] == created["deploymentId"]
        return found["coreDeviceExecutionStatus"], found.get("reason")

    try:
        assert deployed("1.0.0") == ("SUCCEEDED", None)
        assert deployed("2.0.0") == ("FAILED", "too slow")
        [part] = greengrass.list_installed_components(coreDeviceThingName=identity.thing)[
            "installedComponents"
        ]
        assert (part["componentVersion"], part["lifecycleState"]) == ("1.0.0", "RUNNING")
        core.report_program(".Model", "BROKEN")
        deadline = time.monotonic() + 60
        status = ""
        while status != "UNHEALTHY" and time.monotonic() < deadline:
            status = greengrass.get_core_device(coreDeviceThingName=identity.thing)["status"]
        assert status == "UNHEALTHY"
    finally:
        link.close()
