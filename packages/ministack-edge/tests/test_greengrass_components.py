# SPDX-License-Identifier: Apache-2.0
"""Greengrass V2 components: immutable, with the digests of their artifacts."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import urllib.request
import zipfile

import pytest

from edge_testing.devices import Device
from edge_testing.recipes import BUCKET, recipe

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-greengrass")


@pytest.fixture(scope="module")
def greengrass(client):
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"model one")
    return client("greengrassv2")


@pytest.fixture(scope="module")
def core(aws, client, tmp_path_factory):
    """A core's own client of the data plane."""
    folder = tmp_path_factory.mktemp("core") / "files"
    return Device(aws=aws, iot=client("iot"), folder=folder).make().core()


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


def resolve(core, **requirements):
    (found,) = core.resolve_component_candidates(
        platform={"attributes": {"os": "linux", "architecture": "amd64"}},
        componentCandidates=[
            {"componentName": "test.Resolved", "versionRequirements": requirements}
        ],
    )["resolvedComponentVersions"]
    return found


def test_a_core_gets_the_newest_version_that_meets_all_requirements(greengrass, core):
    for version in ("1.0.0", "1.10.0", "1.9.0"):
        greengrass.create_component_version(inlineRecipe=recipe(version, name="test.Resolved"))
    assert resolve(core, model=">=0.0.0")["componentVersion"] == "1.10.0"
    found = resolve(core, model=">=0.0.0", group="==1.9.0")
    assert found["arn"].endswith("components:test.Resolved:versions:1.9.0")
    artifact = json.loads(found["recipe"])["Manifests"][0]["Artifacts"][0]
    assert artifact["Algorithm"] == "SHA-256"
    with pytest.raises(core.exceptions.ResourceNotFoundException, match="group asks for"):
        resolve(core, model=">=0.0.0", group="==3.0.0")
    with pytest.raises(core.exceptions.ValidationException, match="requirement"):
        resolve(core, model="^1.0.0")


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


def test_a_lambda_component_freezes_the_code_of_the_version(greengrass, client, core):
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
    url = core.get_component_version_artifact(
        arn=created["arn"], artifactName=artifact["Uri"].partition(":")[2]
    )["preSignedUrl"]
    with urllib.request.urlopen(url) as reply:  # noqa: S310
        code = reply.read()
    assert code == first
    assert artifact["Digest"] == base64.b64encode(hashlib.sha256(code).digest()).decode()


def test_a_deleted_component_version_is_gone(greengrass):
    arn = greengrass.create_component_version(inlineRecipe=recipe("5.0.0"))["arn"]
    greengrass.delete_component(arn=arn)
    with pytest.raises(greengrass.exceptions.ResourceNotFoundException):
        greengrass.describe_component(arn=arn)
