# SPDX-License-Identifier: Apache-2.0
"""Greengrass's data plane: AWS IoT policies decide, and a signature is no way in."""

from __future__ import annotations

import io
import itertools
import json
import urllib.request
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.devices import Device
from edge_testing.enforcing import ACCOUNT, REGION, Person, allow

GREENGRASS = f"arn:aws:greengrass:{REGION}:{ACCOUNT}"
THING = f"arn:aws:iot:{REGION}:{ACCOUNT}:thing"
NAME = "test.DataPlane"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def component(root: Person, new_role: Any) -> str:
    """A component whose artifact Greengrass keeps: a function's code."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): return 1")
    functions = root.client("lambda")
    role = new_role(trust={"Principal": {"Service": "lambda.amazonaws.com"}})
    functions.create_function(
        FunctionName="gauge",
        Runtime="python3.11",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": code.getvalue()},
    )
    version = functions.publish_version(FunctionName="gauge")["FunctionArn"]
    made = root.client("greengrassv2").create_component_version(
        lambdaFunction={"lambdaArn": version, "componentName": NAME, "componentVersion": "1.0.0"}
    )
    return str(made["arn"])


@pytest.fixture
def device(root: Person, tmp_path: Any) -> Any:
    def make(*statements: Any) -> Device:
        folder = tmp_path / str(next(_numbers))
        return Device(aws=root.aws, iot=root.client("iot"), folder=folder).make(*statements)

    return make


def resolve(core: Any) -> Any:
    return core.resolve_component_candidates(
        platform={"attributes": {"os": "linux"}},
        componentCandidates=[{"componentName": NAME, "versionRequirements": {"me": ">=0.0.0"}}],
    )["resolvedComponentVersions"][0]


def artifact_of(found: Any) -> str:
    recipe = json.loads(found["recipe"])
    return str(recipe["Manifests"][0]["Artifacts"][0]["Uri"]).removeprefix("greengrass:")


def test_a_core_resolves_and_downloads_what_its_policy_names(device: Any, component: str) -> None:
    core = device(
        allow("greengrass:ResolveComponentCandidates"),
        allow("greengrass:GetComponentVersionArtifact", on=f"{GREENGRASS}:components:test.*"),
    ).core()
    found = resolve(core)
    assert found["arn"] == component
    url = core.get_component_version_artifact(arn=component, artifactName=artifact_of(found))
    with urllib.request.urlopen(url["preSignedUrl"], timeout=15) as answer:  # noqa: S310 - local
        assert zipfile.ZipFile(io.BytesIO(answer.read())).namelist() == ["main.py"]


def test_what_the_policy_does_not_name_is_refused(
    device: Any, component: str, decisions: Any
) -> None:
    # Resolving has no resource: a right on components is none.
    subject = device(allow("greengrass:*", on=f"{GREENGRASS}:components:other.*"))
    core = subject.core()
    with pytest.raises(ClientError, match="AccessDenied"):
        resolve(core)
    with pytest.raises(ClientError, match="AccessDenied"):
        core.get_component_version_artifact(arn=component, artifactName="code.zip")
    recorded = [line for line in decisions() if line["principal"] == subject.certificate_arn]
    assert [(line["action"], line["decision"]) for line in recorded] == [
        ("greengrass:ResolveComponentCandidates", "deny"),
        ("greengrass:GetComponentVersionArtifact", "deny"),
    ]


def test_a_core_lists_its_own_groups_where_its_policy_names_it(device: Any, root: Person) -> None:
    one = Device(aws=root.aws, iot=root.client("iot"), folder=device().folder / "one")
    one.make(allow("greengrass:ListThingGroupsForCoreDevice", on=f"{THING}/{one.thing}"))
    one.iot.create_thing_group(thingGroupName="gauges-of-one")
    one.iot.add_thing_to_thing_group(thingGroupName="gauges-of-one", thingName=one.thing)
    path = "/greengrass/v2/coreDevices/{}/thingGroups"
    status, found = one.call(path.format(one.thing))
    assert (status, [group["thingGroupName"] for group in found["thingGroups"]]) == (
        200,
        ["gauges-of-one"],
    )
    assert one.call(path.format("another"))[0] == 403


def test_a_variable_of_the_thing_matches_nothing_over_https(device: Any) -> None:
    core = device(
        allow(
            "greengrass:ListThingGroupsForCoreDevice",
            on=f"{THING}/${{iot:Connection.Thing.ThingName}}",
        )
    )
    assert core.call(f"/greengrass/v2/coreDevices/{core.thing}/thingGroups")[0] == 403


def test_the_account_itself_cannot_ask_what_only_a_core_may(root: Person) -> None:
    with pytest.raises(ClientError, match="certificate"):
        resolve(root.client("greengrassv2"))


def test_the_data_plane_has_nothing_else(device: Any) -> None:
    core = device(allow("greengrass:*"))
    assert core.call("/greengrass/v2/deployments")[0] == 404
    assert core.call("/greengrass/v2/components", method="POST", body={})[0] == 404


@pytest.mark.parametrize("body", [[], "text", {}, {"platform": {}}])
def test_a_request_that_makes_no_sense_is_answered(device: Any, body: Any) -> None:
    core = device(allow("greengrass:*"))
    path = "/greengrass/v2/resolveComponentCandidates"
    status, found = core.call(path, method="POST", body=body)
    assert status == 400, found
