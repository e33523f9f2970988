# SPDX-License-Identifier: Apache-2.0
"""Both packagings of the camera program, and captures, as the templates have them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from camera_component import environment_of

from camera.settings import from_environment
from contracts.bins import BinPolicy
from infra.assets import definitions
from tests.synth.conftest import Assemblies
from tests.synth.test_promises import listed
from tests.synth.variants import VARIANTS, write_variant

GENERIC = ("generic", "generic-captures")
BUCKET = "binsight-dev-data-artifactsbucket-0123456789ab"
NAME = "binsight-dev.Inference"


def text(value: Any) -> str:
    """A value as CloudFormation makes it: an import is a bucket's name, a version 3."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        return "".join(text(part) for part in value["Fn::Join"][1])
    if "Fn::GetAtt" in value and value["Fn::GetAtt"][1] == "Version":
        return "3"
    assert "Fn::ImportValue" in value
    return BUCKET


def only(assemblies: Assemblies, variant: str, kind: str) -> dict[str, Any]:
    [found] = assemblies.of_type(variant, kind).values()
    return dict(found)


def recipe_of(assemblies: Assemblies, variant: str) -> str:
    component = only(assemblies, variant, "AWS::GreengrassV2::ComponentVersion")
    return text(component["InlineRecipe"])


def deployed(assemblies: Assemblies, variant: str) -> dict[str, Any]:
    deployment = only(assemblies, variant, "AWS::GreengrassV2::Deployment")
    return dict(deployment["Components"])


def merged(assemblies: Assemblies, variant: str) -> dict[str, Any]:
    """The program's configuration on a camera: the recipe's, then the deployment's."""
    recipe = json.loads(recipe_of(assemblies, variant))
    part = deployed(assemblies, variant)[NAME]
    return {
        **recipe["ComponentConfiguration"]["DefaultConfiguration"],
        **json.loads(text(part["ConfigurationUpdate"]["Merge"])),
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_finding_is_open_in_a_variant(assemblies: Assemblies, variant: str) -> None:
    report = json.loads((assemblies.path(variant) / "validation-report.json").read_text())
    assert [one["violations"] for one in report["pluginReports"] if one["violations"]] == []


def test_cfn_lint_finds_nothing_in_the_variants(assemblies: Assemblies) -> None:
    """In their edge stacks, which are what differs from dev; in one process, which costs less."""
    templates = [str(assemblies.path(variant) / "Edge.template.json") for variant in VARIANTS]
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--", *templates]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("variant", GENERIC)
def test_the_recipe_fits_and_names_what_was_copied(assemblies: Assemblies, variant: str) -> None:
    recipe = recipe_of(assemblies, variant)
    assert len(recipe.encode()) < 4000  # nucleus lite takes 8200
    document = json.loads(recipe)
    files = only(assemblies, variant, "Custom::ComponentArtifacts")
    there = {f"s3://{BUCKET}/{files['Folder']}/{name}" for name in files["Files"]}
    named = {one["Uri"] for each in document["Manifests"] for one in each["Artifacts"]}
    assert named == there
    folder = f"components/{NAME}/{document['ComponentVersion']}"
    assert named == {f"s3://{BUCKET}/{folder}/inference-{cpu}.zip" for cpu in ("x86_64", "aarch64")}
    assert {each["Platform"]["architecture"] for each in document["Manifests"]} == {
        "amd64",
        "aarch64",
    }


@pytest.mark.parametrize("variant", GENERIC)
def test_the_version_is_made_after_the_copy_and_deployed_as_it_is(
    assemblies: Assemblies, variant: str
) -> None:
    resources = assemblies.template(variant, "Edge")["Resources"]
    kinds = {name: one["Type"] for name, one in resources.items()}
    component, deployment = (
        next(one for one in resources.values() if one["Type"] == f"AWS::GreengrassV2::{kind}")
        for kind in ("ComponentVersion", "Deployment")
    )
    assert "Custom::ComponentArtifacts" in {kinds[name] for name in component["DependsOn"]}
    assert "AWS::GreengrassV2::ComponentVersion" in {kinds[one] for one in deployment["DependsOn"]}
    # Going back to earlier content must not meet that version (docs/adr/0010).
    assert component["UpdateReplacePolicy"] == component["DeletionPolicy"] == "Delete"
    version = json.loads(recipe_of(assemblies, variant))["ComponentVersion"]
    assert deployed(assemblies, variant)[NAME]["ComponentVersion"] == version


@pytest.mark.parametrize("variant", GENERIC)
def test_a_generic_deployment_names_nothing_that_nucleus_lite_lacks(
    assemblies: Assemblies, variant: str
) -> None:
    assert set(deployed(assemblies, variant)) == {NAME}


def test_the_program_reads_its_settings_from_recipe_and_deployment(assemblies: Assemblies) -> None:
    configuration = merged(assemblies, "generic-captures")
    variables = environment_of(configuration)
    settings = from_environment(
        {"AWS_IOT_THING_NAME": "cam-1", "AWS_REGION": "us-east-1", **variables}
    )
    assert settings.unknown == ()
    assert settings.topics.prefix == "binsight-dev"
    assert settings.telemetry_seconds == 30
    assert settings.bins.bin_for("glass", 0.99) == "recycling"
    assert (settings.captures, settings.captures_bucket) == ("upload", BUCKET)
    assert settings.page is not None
    assert settings.page.host == "127.0.0.1"


def test_both_packagings_tell_the_program_the_same(assemblies: Assemblies) -> None:
    component = only(assemblies, "lambda-captures", "AWS::GreengrassV2::ComponentVersion")
    parameters = component["LambdaFunction"]["ComponentLambdaParameters"]
    given = {name: text(value) for name, value in parameters["EnvironmentVariables"].items()}
    # The generic one has it in its recipe, for the install step too.
    assert given.pop("ORT_DISABLE_TELEMETRY") == "1"
    # Each has its own version, the generic one in its recipe.
    assert given.pop("BINSIGHT_PROGRAM_VERSION") == text(
        component["LambdaFunction"]["ComponentVersion"]
    )
    recipe = only(assemblies, "generic-captures", "AWS::GreengrassV2::ComponentVersion")
    document = json.loads(text(recipe["InlineRecipe"]))
    [run] = {json.dumps(one["Lifecycle"]["run"]["Setenv"]) for one in document["Manifests"]}
    assert json.loads(run)["BINSIGHT_PROGRAM_VERSION"] == document["ComponentVersion"]
    generic = environment_of(merged(assemblies, "generic-captures"))
    # Of the generic one only: it restarts the program where a Lambda gets a new version.
    assert generic.pop("BINSIGHT_REVISION").endswith(f".{BUCKET}")
    assert given == generic
    assert BinPolicy.from_json(given["BINSIGHT_BINS"]).classes["organic"] == "compost"


def test_the_access_control_is_the_same_in_both(assemblies: Assemblies) -> None:
    merge = deployed(assemblies, "lambda-captures")[NAME]["ConfigurationUpdate"]["Merge"]
    generic = merged(assemblies, "generic")["accessControl"]
    assert json.loads(text(merge))["accessControl"] == generic


@pytest.mark.parametrize("variant", VARIANTS)
def test_cameras_write_captures_below_their_own_name_only_when_asked(
    assemblies: Assemblies, variant: str
) -> None:
    policies = assemblies.of_type(variant, "AWS::IAM::ManagedPolicy")
    [tokens] = [item for name, item in policies.items() if "TokensRole" in name]
    writes = [
        text(resource)
        for statement in tokens["PolicyDocument"]["Statement"]
        if "s3:PutObject" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    if "captures" not in variant:
        assert writes == []
        return
    own = f"{BUCKET}/${{credentials-iot:ThingName}}/*"
    assert writes == [own]


@pytest.mark.parametrize("variant", ["generic-captures", "lambda-captures"])
def test_uploading_cameras_get_credentials(assemblies: Assemblies, variant: str) -> None:
    exchange = "aws.greengrass.TokenExchangeService"
    component = only(assemblies, variant, "AWS::GreengrassV2::ComponentVersion")
    if variant == "lambda-captures":
        assert exchange in component["LambdaFunction"]["ComponentDependencies"]
        assert deployed(assemblies, variant)[exchange] == {"ComponentVersion": "2.0.3"}
    else:
        dependency = json.loads(recipe_of(assemblies, variant))["ComponentDependencies"]
        assert dependency[exchange]["DependencyType"] == "SOFT"


def test_the_second_processor_is_built_only_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert definitions.INFERENCE_AARCH64 not in definitions.needed_bundles()
    write_variant("generic", tmp_path / "files")
    (tmp_path / "files" / "broken.toml").write_text("[camera", encoding="utf-8")
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path / "files"))
    assert definitions.INFERENCE_AARCH64 in definitions.needed_bundles()
