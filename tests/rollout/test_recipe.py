# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from contracts.recipes import RecipeError, recipe
from rollout.recipe import model_recipe

MODEL = {
    "component": "binsight-dev.Model",
    "version": "1.23.456",
    "digest": "ab" * 32,
    "archive_uri": "s3://artifacts/components/binsight-dev.Model/1.23.456/model.tar.gz",
    "adopt_uri": "s3://artifacts/components/binsight-dev.Model/1.23.456/adopt.py",
    "model_folder": "/var/lib/binsight/models",
    "program": "binsight-dev.Inference",
}
MANIFEST = {
    "Platform": {"os": "linux", "runtime": "*"},
    "Lifecycle": {"run": {"Script": "echo {artifacts:path} {configuration:/a/b}"}},
    "Artifacts": [],
}


def build(**changed):
    values = {
        "name": "x.Y",
        "version": "1.0.0",
        "description": "what it is",
        "publisher": "us",
        "manifests": [MANIFEST],
        "configuration": {"a": {"b": "c"}},
    }
    return recipe(**{**values, **changed})


def manifest(**changed):
    return {**MANIFEST, **changed}


def step(script="true", *, name="run", **keys):
    return manifest(Lifecycle={name: {"Script": script, **keys}})


def test_the_model_s_recipe():
    document = json.loads(model_recipe(**MODEL))
    script = (
        "python3 {artifacts:path}/adopt.py --archive {artifacts:path}/model.tar.gz --digest "
        + "ab" * 32
        + " --version 1.23.456 --folder {configuration:/modelFolder} --timeout 120"
    )
    reported = f"{script} && systemd-notify --ready && exit 0; exit 1"
    artifacts = [
        {"Uri": MODEL["archive_uri"], "Unarchive": "NONE"},
        {"Uri": MODEL["adopt_uri"], "Unarchive": "NONE"},
    ]
    assert document == {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": "binsight-dev.Model",
        "ComponentVersion": "1.23.456",
        "ComponentType": "aws.greengrass.generic",
        "ComponentDescription": "The trash model of a Binsight camera, adopted while it runs",
        "ComponentPublisher": "Binsight",
        "ComponentConfiguration": {
            "DefaultConfiguration": {"modelFolder": "/var/lib/binsight/models"}
        },
        "ComponentDependencies": {
            "binsight-dev.Inference": {"VersionRequirement": ">=0.0.0", "DependencyType": "SOFT"}
        },
        "Manifests": [
            {
                "Platform": {"os": "linux", "runtime": "aws_nucleus_lite"},
                "Lifecycle": {"startup": {"Script": reported, "Timeout": 180}},
                "Artifacts": artifacts,
            },
            {
                "Platform": {"os": "linux", "runtime": "*"},
                "Lifecycle": {"startup": {"Script": script, "Timeout": 180}},
                "Artifacts": artifacts,
            },
        ],
    }


def test_a_folder_too_long_for_a_configuration_value_is_refused():
    with pytest.raises(RecipeError, match="configuration /modelFolder: over 1000"):
        model_recipe(**{**MODEL, "model_folder": "/" + "x" * 1000})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "no spaces"}, "ComponentName"),
        ({"version": "1.0"}, "three numbers"),
        ({"version": "1.0.1000000"}, "three numbers"),
        ({"description": " "}, "ComponentDescription is empty"),
        ({"manifests": []}, "no manifest"),
        ({"manifests": [manifest(Platform={"os": "linux"})]}, "Platform.runtime"),
        ({"manifests": [manifest(Platform={"runtime": "*"})]}, "Platform.os"),
        (
            {"manifests": [manifest(Platform={**MANIFEST["Platform"], "architecture": "/x86.*/"})]},
            "Platform.architecture",
        ),
        (
            {"manifests": [{k: v for k, v in MANIFEST.items() if k != "Artifacts"}]},
            "Artifacts is required",
        ),
        ({"manifests": [manifest(Artifacts=[{"Uri": "https://x"}])]}, "begin with s3://"),
        (
            {"manifests": [manifest(Artifacts=[{"Uri": "s3://x", "Unarchive": "zip"}])]},
            "NONE or ZIP",
        ),
        ({"manifests": [step(name="Run")]}, "'Run'.*lower case"),
        ({"manifests": [step(name="bootstrap")]}, "'bootstrap'"),
        ({"manifests": [step(name="install")]}, "install only it blocks"),
        ({"manifests": [step("")]}, "Script is missing"),
        ({"manifests": [step("echo ${HOME}")]}, "truncate"),
        ({"manifests": [step("awk '{print}'")]}, "truncate"),
        ({"manifests": [step("echo {x.Z:configuration:/a/b}")]}, "truncate"),
        ({"manifests": [step("echo {configuration:/a/c}")]}, "/a/c, which has no default"),
        ({"manifests": [step(Timeout="soon")]}, "whole number"),
        ({"manifests": [step(Setenv={"N": 5})]}, "Setenv N: 5 must be text"),
        ({"manifests": [step(Setenv={"N": "{oops}"})]}, "truncate"),
        ({"manifests": [step(timeout=5)]}, "unknown key 'timeout'"),
        ({"configuration": {"a": {"b": "x" * 999}}}, "configuration /a/b: over 1000"),
        ({"configuration": {"a": {"b": list(range(400))}}}, "configuration /a/b: over 1000"),
        (
            {"manifests": [step("true " * 2000)]},
            "over 8000 bytes",
        ),
        (
            {"configuration": {"a": {"b": ""}, **{f"k{n}": "" for n in range(255)}}},
            "over 255 values",
        ),
        (
            {"dependencies": {"x": {"VersionRequirement": "^1.0.0", "DependencyType": "HARD"}}},
            "allows only",
        ),
        ({"dependencies": {"x": {"VersionRequirement": ">=1.0.0"}}}, "HARD or SOFT"),
        (
            {
                "dependencies": {
                    "aws.greengrass.Cli": {
                        "VersionRequirement": ">=1.0.0",
                        "DependencyType": "SOFT",
                    }
                }
            },
            "hangs or fails",
        ),
    ],
)
def test_what_breaks_a_nucleus_is_refused(changed, said):
    with pytest.raises(RecipeError, match=said):
        build(**changed)


def test_what_a_nucleus_accepts_is_built():
    dependency = {"VersionRequirement": ">=2.0.0 <3.0.0", "DependencyType": "HARD"}
    text = build(
        dependencies={"aws.greengrass.TokenExchangeService": dependency},
        manifests=[
            manifest(Lifecycle={"Setenv": {"A": "{work:path}x"}, **MANIFEST["Lifecycle"]}),
        ],
    )
    assert json.loads(text)["ComponentDependencies"]


def test_every_fault_is_listed_at_once():
    with pytest.raises(RecipeError) as error:
        build(version="1", description="", manifests=[step("echo {")])
    assert str(error.value).count(";") == 2
