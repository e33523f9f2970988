# SPDX-License-Identifier: Apache-2.0
"""The simulated nuclei read recipes as the real ones were seen to."""

import copy
import json
from typing import Any

import pytest

from contracts.inference_recipe import ARCHITECTURES, artifact_name, inference_recipe
from contracts.topics import Topics
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.recipe import (
    chosen_manifest,
    require_document,
    require_lite,
    require_values,
)
from rollout.recipe import model_recipe
from tests.rollout.test_recipe import MODEL

GOOD = {
    "ComponentName": "x.Y",
    "ComponentDescription": "what it is",
    "Manifests": [
        {
            "Platform": {"os": "linux", "runtime": "*"},
            "Lifecycle": {"run": {"Script": "true"}},
            "Artifacts": [],
        }
    ],
}
RANGE = {"VersionRequirement": ">=1.0.0 <2.0.0", "DependencyType": "SOFT"}


def camera_recipe() -> dict:
    return json.loads(
        inference_recipe(
            component="binsight-dev.Inference",
            version="1.2.3",
            artifacts={cpu: f"s3://b/c/{artifact_name(cpu)}" for cpu in ARCHITECTURES},
            topics=Topics("binsight-dev"),
            configuration={"BINSIGHT_MODEL_FOLDER": "/m"},
            uploads=True,
        )
    )


@pytest.mark.parametrize("nucleus", ["java", "lite"])
@pytest.mark.parametrize("architecture", ["amd64", "aarch64"])
def test_each_nucleus_and_processor_takes_its_manifest(nucleus, architecture):
    recipe = camera_recipe()
    manifest = chosen_manifest(recipe, nucleus=nucleus, architecture=architecture)
    assert manifest["Platform"]["architecture"] == architecture
    require_lite(recipe, manifest)
    with pytest.raises(RehearsalError, match="no manifest for linux, arm,"):
        chosen_manifest(recipe, nucleus=nucleus, architecture="arm")


def test_the_model_is_adopted_in_the_step_that_each_nucleus_waits_for():
    recipe = json.loads(model_recipe(**MODEL))
    lite = chosen_manifest(recipe, nucleus="lite", architecture="amd64")
    require_lite(recipe, lite)
    assert set(lite["Lifecycle"]) == {"startup"}
    java = chosen_manifest(recipe, nucleus="java", architecture="amd64")
    assert set(java["Lifecycle"]) == {"startup"}
    # Nothing of another component but its name: no path of its files, no variable of its own.
    assert set(recipe.pop("ComponentDependencies")) == {MODEL["program"]}
    assert "Inference" not in json.dumps(recipe)


@pytest.mark.parametrize("platform", [{"os": "linux"}, {"runtime": "*"}, {}, {"os": "windows"}])
def test_lite_skips_what_java_takes(platform):
    recipe: Any = copy.deepcopy(GOOD)
    recipe["Manifests"][0]["Platform"] = platform
    with pytest.raises(RehearsalError, match="no manifest"):
        chosen_manifest(recipe, nucleus="lite", architecture="amd64")
    if platform.get("os") != "windows":
        assert chosen_manifest(recipe, nucleus="java", architecture="amd64")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.update(ComponentDescription=""), "no ComponentDescription"),
        (lambda r: r["Manifests"][0].pop("Artifacts"), "no key Artifacts"),
        (lambda r: r["Manifests"][0].update(Artifacts=[{"Unarchive": "zip"}]), "Unarchive zip"),
        (lambda r: r["Manifests"][0].update(Lifecycle={"Run": {"Script": "x"}}), "step Run"),
        (lambda r: r["Manifests"][0].update(Lifecycle={"install": {"Script": "x"}}), "300 s"),
        (lambda r: r["Manifests"][0]["Lifecycle"].update(shutdown={"Script": "x"}), "never runs"),
        (lambda r: r["Manifests"][0]["Lifecycle"].update(bootstrap={"Script": "x"}), "reboots"),
        (lambda r: r["Manifests"][0]["Lifecycle"]["run"].update(Setenv={"N": 5}), "not text"),
        (lambda r: r["Manifests"][0]["Lifecycle"].update(Setenv={"N": True}), "not text"),
        (lambda r: r["Manifests"][0]["Lifecycle"]["run"].update(Timeout="soon"), "Timeout 'soon'"),
        (lambda r: r["Manifests"][0]["Lifecycle"]["run"].pop("Script"), "no Script"),
        (lambda r: r.update(Padding="x" * 8200), "over 8200 bytes"),
        (lambda r: r.update(Many=dict.fromkeys(map(str, range(260)), 1)), "over 255 values"),
        (
            lambda r: r.update(ComponentDependencies={"a": {**RANGE, "VersionRequirement": "^1"}}),
            "never matches",
        ),
        (
            lambda r: r.update(ComponentDependencies={"a": {"VersionRequirement": ">=1.0.0"}}),
            "no DependencyType",
        ),
        (
            lambda r: r.update(ComponentDependencies={"aws.greengrass.Cli": RANGE}),
            "never starts",
        ),
    ],
)
def test_what_breaks_a_nucleus_lite_is_an_error_here(change, said):
    require_lite(GOOD, GOOD["Manifests"][0])
    recipe = copy.deepcopy(GOOD)
    change(recipe)
    with pytest.raises(RehearsalError, match=said):
        require_lite(recipe, recipe["Manifests"][0])


def test_a_configuration_value_may_have_a_thousand_characters():
    require_values("x.Y", {"a": {"b": "x" * 990}})
    with pytest.raises(RehearsalError, match="configuration /a/b: over 1000"):
        require_values("x.Y", {"a": {"b": "x" * 1000}})


def test_the_document_of_a_job_may_have_five_thousand_bytes():
    require_document({"components": "x" * 4900})
    with pytest.raises(RehearsalError, match="a deployment of 5017 bytes"):
        require_document({"components": "x" * 5000})
