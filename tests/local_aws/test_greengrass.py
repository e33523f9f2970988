# SPDX-License-Identifier: Apache-2.0
"""Greengrass V2: immutable components, one live deployment per target, counts from the cores."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import urllib.request
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-greengrass")

BUCKET = "components-test"


def recipe(version: str, *, name: str = "test.Model", key: str = "model.tar.gz") -> bytes:
    return json.dumps(
        {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": name,
            "ComponentVersion": version,
            "ComponentDescription": "a model",
            "ComponentPublisher": "test",
            "Manifests": [
                {
                    "Platform": {"os": "linux", "runtime": "*"},
                    "Lifecycle": {"run": {"Script": "true"}},
                    "Artifacts": [{"Uri": f"s3://{BUCKET}/{key}"}],
                }
            ],
        }
    ).encode()


@pytest.fixture(scope="module")
def greengrass(client):
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"model one")
    return client("greengrassv2")


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
def report(aws):
    """A core device's own report, as the simulated core sends it."""

    def send(thing: str, **document: Any) -> Any:
        request = urllib.request.Request(  # noqa: S310
            f"{aws.endpoint}/_binsight/core-devices/{thing}?account=111111111111&region=us-east-1",
            data=json.dumps(document).encode(),
            method="POST",
        )
        with urllib.request.urlopen(request) as reply:  # noqa: S310
            return json.load(reply)

    return send


def deploy(greengrass: Any, group: str, version: str, **more: Any) -> Any:
    return greengrass.create_deployment(
        targetArn=group, components={"test.Model": {"componentVersion": version}}, **more
    )


def job(client: Any, created: Any) -> Any:
    return client("iot").describe_job(jobId=created["iotJobId"])["job"]


def test_a_component_keeps_the_digest_of_its_artifact_at_creation(greengrass, client):
    created = greengrass.create_component_version(inlineRecipe=recipe("1.0.0"), tags={"a": "b"})
    client("s3").put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"something else")
    answer = greengrass.get_component(arn=created["arn"])
    stored = json.loads(answer["recipe"])["Manifests"][0]["Artifacts"][0]
    client("s3").put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"model one")

    assert stored["Digest"] == base64.b64encode(hashlib.sha256(b"model one").digest()).decode()
    assert stored["Algorithm"] == "SHA-256"
    assert answer["tags"] == {"a": "b"}
    described = greengrass.describe_component(arn=created["arn"])
    assert described["status"]["componentState"] == "DEPLOYABLE"
    assert described["description"] == "a model"


def test_a_version_exists_once(greengrass):
    with pytest.raises(greengrass.exceptions.ConflictException, match="already exists"):
        greengrass.create_component_version(inlineRecipe=recipe("1.0.0"))


def test_versions_are_listed_newest_first_as_numbers(greengrass):
    for version in ("1.10.0", "1.9.0"):
        greengrass.create_component_version(inlineRecipe=recipe(version))
    component = next(
        item
        for item in greengrass.list_components()["components"]
        if item["componentName"] == "test.Model"
    )
    assert component["latestVersion"]["componentVersion"] == "1.10.0"
    versions = greengrass.list_component_versions(arn=component["arn"])["componentVersions"]
    assert [item["componentVersion"] for item in versions] == ["1.10.0", "1.9.0", "1.0.0"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"RecipeFormatVersion: yaml", "not JSON"),
        (recipe("1.2"), "not named correctly"),
        (recipe("3.0.0", key="missing"), "cannot be read"),
    ],
)
def test_a_bad_recipe_is_refused(greengrass, body, message):
    with pytest.raises(greengrass.exceptions.ValidationException, match=message):
        greengrass.create_component_version(inlineRecipe=body)


def test_a_lambda_component_freezes_the_code_of_the_version(greengrass, client):
    def package(text: str) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("main.py", text)
        return buffer.getvalue()

    functions = client("lambda")
    first = package("def handler(event, context): return 1")
    functions.create_function(
        FunctionName="frozen",
        Runtime="python3.11",
        Handler="main.handler",
        Role="arn:aws:iam::111111111111:role/frozen",
        Code={"ZipFile": first},
        Publish=True,
    )
    arn = "arn:aws:lambda:us-east-1:111111111111:function:frozen"
    with pytest.raises(greengrass.exceptions.ValidationException, match="published version"):
        greengrass.create_component_version(lambdaFunction={"lambdaArn": f"{arn}:$LATEST"})
    created = greengrass.create_component_version(
        lambdaFunction={
            "lambdaArn": f"{arn}:1",
            "componentName": "test.Inference",
            "componentVersion": "2.0.0",
            "componentLambdaParameters": {
                "pinned": True,
                "environmentVariables": {"SOURCE": "dir:/photos"},
                "linuxProcessParams": {"isolationMode": "NoContainer"},
            },
        }
    )
    functions.update_function_code(FunctionName="frozen", ZipFile=package("other"), Publish=True)
    functions.delete_function(FunctionName="frozen")

    document = json.loads(greengrass.get_component(arn=created["arn"])["recipe"])
    configuration = document["ComponentConfiguration"]["DefaultConfiguration"]
    assert configuration["containerMode"] == "NoContainer"
    assert configuration["pinned"] is True
    assert configuration["lambdaHandler"] == "main.handler"
    assert configuration["lambdaExecutionParameters"]["EnvironmentVariables"] == {
        "SOURCE": "dir:/photos"
    }
    artifact = document["Manifests"][0]["Artifacts"][0]
    url = greengrass.get_component_version_artifact(
        arn=created["arn"], artifactName=artifact["Uri"].partition(":")[2]
    )["preSignedUrl"]
    with urllib.request.urlopen(url) as reply:  # noqa: S310
        code = reply.read()
    assert code == first
    assert artifact["Digest"] == base64.b64encode(hashlib.sha256(code).digest()).decode()


def test_a_deployment_runs_to_the_counts_of_its_job(greengrass, client, group, report):
    created = deploy(greengrass, group, "1.0.0", deploymentName="one")
    assert job(client, created)["jobProcessDetails"]["numberOfQueuedThings"] == 2
    mine = greengrass.list_effective_deployments(coreDeviceThingName="camera-1")
    assert [
        (item["deploymentId"], item["coreDeviceExecutionStatus"])
        for item in mine["effectiveDeployments"]
    ] == [(created["deploymentId"], "QUEUED")]

    report("camera-1", deploymentId=created["deploymentId"], status="IN_PROGRESS")
    report(
        "camera-1",
        deploymentId=created["deploymentId"],
        status="SUCCEEDED",
        components={"test.Model": "1.0.0"},
    )
    report(
        "camera-2",
        deploymentId=created["deploymentId"],
        status="FAILED",
        reason="outputs differ",
        health="UNHEALTHY",
    )

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
    assert installed["installedComponents"][0]["componentVersion"] == "1.0.0"


def test_a_second_deployment_supersedes_the_first(greengrass, client, group):
    before = greengrass.list_deployments(targetArn=group)["deployments"][0]["deploymentId"]
    created = deploy(greengrass, group, "1.9.0")

    latest = greengrass.list_deployments(targetArn=group)["deployments"]
    assert [item["deploymentId"] for item in latest] == [created["deploymentId"]]
    old = greengrass.get_deployment(deploymentId=before)
    assert (old["deploymentStatus"], old["isLatestForTarget"]) == ("INACTIVE", False)
    assert client("iot").describe_job(jobId=old["iotJobId"])["job"]["status"] == "CANCELED"
    everything = greengrass.list_deployments(targetArn=group, historyFilter="ALL")["deployments"]
    assert [item["revisionId"] for item in everything] == ["2", "1"]
    effective = greengrass.list_effective_deployments(coreDeviceThingName="camera-1")
    assert [item["deploymentId"] for item in effective["effectiveDeployments"]] == [
        created["deploymentId"]
    ]


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
    report("camera-1", deploymentId=created["deploymentId"], status="FAILED")
    assert job(client, created)["status"] == "CANCELED"
    status = greengrass.get_deployment(deploymentId=created["deploymentId"])["deploymentStatus"]
    assert status == "CANCELED"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targetArn": "arn:aws:iot:us-east-1:111111111111:thinggroup/none"}, "does not exist"),
        ({"components": {"test.Model": {"componentVersion": "9.9.9"}}}, "9.9.9 does not exist"),
        (
            {
                "components": {
                    "test.Model": {
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
    request = {"targetArn": group, "components": {"test.Model": {"componentVersion": "1.0.0"}}}
    with pytest.raises(ClientError, match=message):
        greengrass.create_deployment(**{**request, **change})


def test_a_deleted_component_version_is_gone(greengrass):
    arn = greengrass.create_component_version(inlineRecipe=recipe("5.0.0"))["arn"]
    greengrass.delete_component(arn=arn)
    with pytest.raises(greengrass.exceptions.ResourceNotFoundException):
        greengrass.describe_component(arn=arn)
