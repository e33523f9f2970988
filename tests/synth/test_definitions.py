# SPDX-License-Identifier: Apache-2.0
"""The pipeline and the rollout as the services read them."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.pipeline_definition import PipelineInputs, pipeline_definition
from infra.pipeline_gate import ACCURACY
from infra.pipeline_parts import MAXIMUM_ENTRYPOINT_CHARACTERS
from infra.rollout_definition import rollout_definition

INPUTS = PipelineInputs(
    image="image",
    role_arn="role",
    key_arn="key",
    code_uri="s3://assets/code.zip",
    dataset_bucket="dataset",
    artifacts_bucket="artifacts",
    model_package_group="models",
    dataset="trash",
    instance_type="ml.m5.xlarge",
    volume_gb=30,
    maximum_minutes=60,
    epochs=3,
    image_size=64,
    seed=7,
    minimum_accuracy=0.6,
    approval="manual",
)
DEFINITION = pipeline_definition(INPUTS)
STEPS = {step["Name"]: step for step in DEFINITION["Steps"]}
ROLLOUT = rollout_definition(
    function_arn="function", check_seconds=5, bake_minutes=10, timeout_minutes=30
)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"Get"}:
            yield value["Get"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def next_states(state: dict[str, Any]) -> set[str]:
    names = {state.get("Next"), state.get("Default")}
    for branch in (*state.get("Choices", []), *state.get("Catch", [])):
        names.add(branch["Next"])
    return {name for name in names if name}


def test_the_steps_are_those_of_the_design() -> None:
    assert list(STEPS) == ["Prepare", "Train", "Evaluate", "Gate"]
    gate = STEPS["Gate"]["Arguments"]
    assert [step["Type"] for step in gate["IfSteps"]] == ["RegisterModel"]
    assert [step["Type"] for step in gate["ElseSteps"]] == ["Fail"]


def test_parameters_are_declared_and_used() -> None:
    declared = {parameter["Name"] for parameter in DEFINITION["Parameters"]}
    used = {name.split(".")[1] for name in references(DEFINITION) if name.startswith("Parameters.")}
    assert used == declared


@pytest.mark.parametrize(
    ("approval", "status"), [("automatic", "Approved"), ("manual", "PendingManualApproval")]
)
def test_who_approves_is_a_setting(approval: str, status: str) -> None:
    inputs = PipelineInputs(**{**vars(INPUTS), "approval": approval})
    defaults = {item["Name"]: item["DefaultValue"] for item in _parameters(inputs)}
    assert defaults["ApprovalStatus"] == status


def _parameters(inputs: PipelineInputs) -> list[dict[str, Any]]:
    return list(pipeline_definition(inputs)["Parameters"])


def test_the_dataset_comes_by_its_manifest() -> None:
    inputs = STEPS["Prepare"]["Arguments"]["ProcessingInputs"]
    source = {item["InputName"]: item["S3Input"] for item in inputs}["dataset"]
    assert source["S3DataType"] == "ManifestFile"
    assert source["S3Uri"]["Std:Join"]["Values"] == [
        "s3://dataset/",
        {"Get": "Parameters.DatasetManifest"},
    ]


def test_all_disks_and_outputs_are_encrypted() -> None:
    for name in ("Prepare", "Evaluate"):
        arguments = STEPS[name]["Arguments"]
        assert arguments["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "key"
        assert arguments["ProcessingOutputConfig"]["KmsKeyId"] == "key"
    training = STEPS["Train"]["Arguments"]
    assert training["ResourceConfig"]["VolumeKmsKeyId"] == "key"
    assert training["OutputDataConfig"]["KmsKeyId"] == "key"


def test_containers_get_only_text_and_short_enough() -> None:
    for name in ("Prepare", "Train", "Evaluate"):
        arguments = STEPS[name]["Arguments"]
        container = arguments.get("AppSpecification") or arguments["AlgorithmSpecification"]
        for part in (*container["ContainerEntrypoint"], *container["ContainerArguments"]):
            if isinstance(part, str):
                assert len(part) <= MAXIMUM_ENTRYPOINT_CHARACTERS
            else:
                assert set(part) == {"Std:Join"}  # a number must be made text
        assert container["ContainerArguments"][0] == name.lower()


def test_the_registered_file_is_the_evaluated_one() -> None:
    outputs = STEPS["Evaluate"]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    written = {item["OutputName"]: item["S3Output"]["S3Uri"] for item in outputs}["model"]
    [register] = STEPS["Gate"]["Arguments"]["IfSteps"]
    [container] = register["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"]["Std:Join"]["Values"] == [
        *written["Std:Join"]["Values"],
        "/model.tar.gz",
    ]


def test_the_gate_reads_what_evaluate_writes() -> None:
    [condition] = STEPS["Gate"]["Arguments"]["Conditions"]
    assert condition["Type"] == "GreaterThanOrEqualTo"
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == ACCURACY
    [file] = STEPS["Evaluate"]["PropertyFiles"]
    assert file == {
        "PropertyFileName": "Evaluation",
        "OutputName": "evaluation",
        "FilePath": "evaluation.json",
    }


def test_every_rollout_state_can_be_reached_and_leads_on() -> None:
    states = ROLLOUT["States"]
    reached: set[str] = set()
    waiting = {ROLLOUT["StartAt"]}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= next_states(states[name]) - reached
    assert reached == set(states)


def test_a_failed_group_is_restored_and_the_rollout_fails() -> None:
    states = ROLLOUT["States"]
    for group in ("Canary", "Fleet"):
        assert states[f"Judge{group}"]["Default"] == f"Restore{group}"
        assert states[f"Check{group}"]["Catch"][0]["Next"] == f"Restore{group}"
        assert states[f"Restore{group}"]["Next"] == "Failed"


def test_the_fleet_waits_for_the_canaries() -> None:
    states = ROLLOUT["States"]
    choices = {choice["StringEquals"]: choice["Next"] for choice in _choices("JudgeCanary")}
    assert choices == {"SUCCEEDED": "Bake", "RUNNING": "WaitCanary"}
    assert (states["Bake"]["Seconds"], states["Bake"]["Next"]) == (600, "DeployFleet")
    assert states["WaitCanary"]["Seconds"] == 5


def _choices(name: str) -> list[dict[str, str]]:
    return list(ROLLOUT["States"][name]["Choices"])
