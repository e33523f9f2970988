# SPDX-License-Identifier: Apache-2.0
"""The pipeline as SageMaker reads it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.bins import BINS, BinPolicy
from infra.config.training import TrainingSettings
from infra.training.pipeline_definition import pipeline_definition
from infra.training.pipeline_expressions import MAXIMUM_ARGUMENT_CHARACTERS
from infra.training.pipeline_steps import PipelineSteps
from infra.training.quality_gate import PASSED, REASON

BINS_TEXT = BinPolicy({"glass": "recycling"}).to_json()


def inputs(*, bins: str = BINS_TEXT, **training: Any) -> PipelineSteps:
    return PipelineSteps(
        image="image",
        training_image="training-image",
        region="eu-west-1",
        role_arn="role",
        key_arn="key",
        code_uri="s3://assets/code.zip",
        dataset_bucket="dataset",
        artifacts_bucket="artifacts",
        model_package_group="models",
        bins=bins,
        training=TrainingSettings(**training),
        tags={"project": "binsight"},
    )


def steps(**training: Any) -> dict[str, Any]:
    return {step["Name"]: step for step in pipeline_definition(inputs(**training))["Steps"]}


DEFINITION = pipeline_definition(inputs())
STEPS = steps()
JOBS = ("Prepare", "Train", "Evaluate")


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"Get"}:
            yield value["Get"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def container(name: str, of: dict[str, Any] = STEPS) -> dict[str, Any]:
    arguments = of[name]["Arguments"]
    return dict(arguments.get("AppSpecification") or arguments["AlgorithmSpecification"])


def test_the_steps_are_those_of_the_design() -> None:
    assert list(STEPS) == ["Prepare", "Train", "Evaluate", "Gate"]
    gate = STEPS["Gate"]["Arguments"]
    assert [step["Type"] for step in gate["IfSteps"]] == ["RegisterModel"]
    assert [step["Type"] for step in gate["ElseSteps"]] == ["Fail"]


def test_parameters_are_declared_and_used() -> None:
    declared = {parameter["Name"] for parameter in DEFINITION["Parameters"]}
    used = {name.split(".")[1] for name in references(DEFINITION) if name.startswith("Parameters.")}
    assert used == declared


def test_the_version_of_the_dataset_must_be_said() -> None:
    """With a default, an execution by hand could reuse what was prepared from older photos."""
    without = [item["Name"] for item in DEFINITION["Parameters"] if "DefaultValue" not in item]
    assert without == ["DatasetVersion"]
    [variable] = STEPS["Prepare"]["Arguments"]["Environment"].values()
    assert variable == {"Get": "Parameters.DatasetVersion"}


@pytest.mark.parametrize(
    ("approval", "status"), [("automatic", "Approved"), ("manual", "PendingManualApproval")]
)
def test_who_approves_is_a_setting(approval: str, status: str) -> None:
    parameters = pipeline_definition(inputs(approval=approval))["Parameters"]
    defaults = {item["Name"]: item.get("DefaultValue") for item in parameters}
    assert defaults["ApprovalStatus"] == status


def test_the_dataset_comes_by_its_manifest() -> None:
    sources = STEPS["Prepare"]["Arguments"]["ProcessingInputs"]
    source = {item["InputName"]: item["S3Input"] for item in sources}["dataset"]
    assert source["S3DataType"] == "ManifestFile"
    assert source["S3Uri"]["Std:Join"]["Values"] == [
        "s3://dataset/",
        {"Get": "Parameters.DatasetManifest"},
    ]


def test_what_is_reused_does_not_know_its_execution() -> None:
    """SageMaker compares these; an execution's id among them would make each one unequal."""
    compared = {
        "Prepare": ("AppSpecification", "Environment", "ProcessingInputs"),
        "Train": (
            *("AlgorithmSpecification", "CheckpointConfig", "Environment"),
            *("HyperParameters", "InputDataConfig"),
        ),
    }
    for spot in (False, True):
        for name, keys in compared.items():
            step = steps(spot=spot)[name]
            assert step["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P14D"}
            found = [
                reference
                for key in keys
                for reference in references(step["Arguments"].get(key))
                if reference.startswith("Execution.")
            ]
            assert found == []
    assert all("CacheConfig" not in steps(cache_days=0)[name] for name in JOBS)


def test_what_follows_a_reused_step_asks_that_step_where_its_results_are() -> None:
    later = [STEPS["Train"]["Arguments"]["InputDataConfig"], STEPS["Gate"]]
    later.append(STEPS["Evaluate"]["Arguments"]["ProcessingInputs"])
    assert set(references(later)) >= {
        "Steps.Prepare.ProcessingOutputConfig.Outputs['prepared'].S3Output.S3Uri",
        "Steps.Train.ModelArtifacts.S3ModelArtifacts",
        "Steps.Evaluate.ProcessingOutputConfig.Outputs['model'].S3Output.S3Uri",
    }
    assert "Execution.PipelineExecutionId" not in set(references(later[0]))


def test_evaluate_is_never_reused() -> None:
    """The approved model may have changed since, and SageMaker would not notice."""
    assert "CacheConfig" not in STEPS["Evaluate"]


def test_spot_brings_its_wait_and_its_checkpoints() -> None:
    plain, spot = STEPS["Train"]["Arguments"], steps(spot=True)["Train"]["Arguments"]
    assert "CheckpointConfig" not in plain
    assert "EnableManagedSpotTraining" not in plain
    limit = spot["StoppingCondition"]
    assert spot["EnableManagedSpotTraining"] is True
    assert limit["MaxWaitTimeInSeconds"] > limit["MaxRuntimeInSeconds"]
    place = spot["CheckpointConfig"]["S3Uri"]["Std:Join"]["Values"]
    assert place[0]["Get"].startswith("Steps.Prepare.")
    # The photos' channel ends with a slash: `prepared` alone would match the checkpoints too.
    assert place[1:3] == ["-checkpoints", "/"]
    # And so does this: the service takes it literally, and seed 1 is the beginning of seed 10.
    assert place[-2:] == [{"Get": "Parameters.Seed"}, "/"]
    # One join only: SageMaker's acceptance of a join within a join is written nowhere.
    assert not any("Std:Join" in part for part in place)
    [_, photos] = spot["InputDataConfig"]
    assert photos["DataSource"]["S3DataSource"]["S3Uri"]["Std:Join"]["Values"][-1] == "/"


@pytest.mark.parametrize("name", [*JOBS, "Register"])
def test_what_passes_by_itself_is_tried_again(name: str) -> None:
    [register] = STEPS["Gate"]["Arguments"]["IfSteps"]
    policies = {**STEPS, "Register": register}[name]["RetryPolicies"]
    kinds = [kind for policy in policies for kind in policy["ExceptionType"]]
    assert "Step.THROTTLING" in kinds
    assert ("SageMaker.CAPACITY_ERROR" in kinds) is (name in JOBS)
    assert len(kinds) == len(set(kinds))
    assert all(policy["MaxAttempts"] <= 20 for policy in policies)


@pytest.mark.parametrize(
    ("weights", "channel", "given"),
    [
        ("s3://bucket/folder/", "s3://bucket/folder/", None),
        ("google/mobilenet_v2_1.0_224", None, "google/mobilenet_v2_1.0_224"),
        ("", None, ""),
    ],
)
def test_weights_come_by_channel_or_by_name(
    weights: str, channel: str | None, given: str | None
) -> None:
    arguments = steps(weights=weights)["Train"]["Arguments"]
    sources = {
        item["ChannelName"]: item["DataSource"]["S3DataSource"]["S3Uri"]
        for item in arguments["InputDataConfig"]
    }
    assert sources.get("weights") == channel
    assert arguments["HyperParameters"].get("weights") == given


def test_all_disks_and_outputs_are_encrypted_and_all_jobs_tagged() -> None:
    for name in ("Prepare", "Evaluate"):
        arguments = STEPS[name]["Arguments"]
        assert arguments["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "key"
        assert arguments["ProcessingOutputConfig"]["KmsKeyId"] == "key"
    training = STEPS["Train"]["Arguments"]
    assert training["ResourceConfig"]["VolumeKmsKeyId"] == "key"
    assert training["OutputDataConfig"]["KmsKeyId"] == "key"
    assert training["EnableInterContainerTrafficEncryption"] is True
    for name in JOBS:
        assert STEPS[name]["Arguments"]["Tags"] == [{"Key": "project", "Value": "binsight"}]


def test_a_machine_with_gpus_trains_and_another_one_prepares() -> None:
    built = steps(instance_type="ml.g5.2xlarge", volume_gb=200)
    training = built["Train"]["Arguments"]
    assert training["AlgorithmSpecification"]["TrainingImage"] == "training-image"
    # Its disks are its own: encrypted by the hardware, of a fixed size.
    assert training["ResourceConfig"] == {
        "InstanceCount": {"Get": "Parameters.InstanceCount"},
        "InstanceType": {"Get": "Parameters.InstanceType"},
        "VolumeSizeInGB": 75,
    }
    for name in ("Prepare", "Evaluate"):
        arguments = built[name]["Arguments"]
        assert arguments["AppSpecification"]["ImageUri"] == "image"
        cluster = arguments["ProcessingResources"]["ClusterConfig"]
        assert cluster["InstanceType"] == {"Get": "Parameters.ProcessingInstanceType"}
        assert (cluster["VolumeKmsKeyId"], cluster["VolumeSizeInGB"]) == ("key", 200)


def test_an_execution_may_take_another_size_and_no_other_family() -> None:
    """Image and disks of the definition are right for the family of the settings only."""
    parameters = pipeline_definition(inputs(instance_type="ml.g4dn.xlarge"))["Parameters"]
    by_name = {item["Name"]: item for item in parameters}
    assert by_name["InstanceType"]["DefaultValue"] == "ml.g4dn.xlarge"
    assert set(by_name["InstanceType"]["EnumValues"]) == {
        f"ml.g4dn.{size}" for size in ("xlarge", *(f"{n}xlarge" for n in (2, 4, 8, 12, 16)))
    }
    assert by_name["ProcessingInstanceType"]["DefaultValue"] == "ml.m5.xlarge"
    assert "ml.m5.24xlarge" in by_name["ProcessingInstanceType"]["EnumValues"]


def test_a_quota_that_is_used_up_is_reported_soon() -> None:
    """With a quota of 0 waiting helps nothing: two attempts more, within a quarter of an hour."""
    for name in JOBS:
        [policy] = [
            policy
            for policy in STEPS[name]["RetryPolicies"]
            if "SageMaker.RESOURCE_LIMIT" in policy["ExceptionType"]
        ]
        waits = [
            policy["IntervalSeconds"] * policy["BackoffRate"] ** attempt
            for attempt in range(policy["MaxAttempts"])
        ]
        assert sum(waits) <= 15 * 60


def test_containers_get_only_text_and_short_enough() -> None:
    for name in JOBS:
        for part in (
            *container(name)["ContainerEntrypoint"],
            *container(name)["ContainerArguments"],
        ):
            if isinstance(part, str):
                assert len(part) <= MAXIMUM_ARGUMENT_CHARACTERS
            else:
                assert set(part) == {"Std:Join"}  # a number must be made text
        assert container(name)["ContainerArguments"][0] == name.lower()


def test_a_long_bin_policy_arrives_whole() -> None:
    classes = {f"class-{number:03d}": BINS[number % 3] for number in range(60)}
    policy = BinPolicy(classes).to_json()
    built = {step["Name"]: step for step in pipeline_definition(inputs(bins=policy))["Steps"]}
    given = container("Evaluate", built)["ContainerArguments"]
    pieces = given[given.index("--bins") + 1 :]
    assert len(pieces) > 1
    assert all(len(piece) <= MAXIMUM_ARGUMENT_CHARACTERS for piece in pieces)
    assert BinPolicy.from_json("".join(pieces)).classes == json.loads(policy)["classes"]


def test_the_registered_file_is_the_evaluated_one() -> None:
    [register] = STEPS["Gate"]["Arguments"]["IfSteps"]
    [image] = register["Arguments"]["InferenceSpecification"]["Containers"]
    assert image["ModelDataUrl"]["Std:Join"]["Values"] == [
        {"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['model'].S3Output.S3Uri"},
        "/model.tar.gz",
    ]


def test_nothing_that_a_person_wrote_is_registered() -> None:
    """The registry refuses most punctuation, and would do so after the training was paid for."""
    [register] = STEPS["Gate"]["Arguments"]["IfSteps"]
    metadata = register["Arguments"]["CustomerMetadataProperties"]
    assert not [name for name in references(metadata) if name.startswith("Parameters.")]
    assert "Execution.PipelineExecutionId" in set(references(metadata))


def test_the_gate_goes_by_the_verdict_and_says_why() -> None:
    gate = STEPS["Gate"]["Arguments"]
    [condition] = gate["Conditions"]
    assert condition["Type"] == "GreaterThanOrEqualTo"
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == PASSED
    assert condition["RightValue"] == 1
    [refused] = gate["ElseSteps"]
    paths = [
        part["Std:JsonGet"]["Path"]
        for part in refused["Arguments"]["ErrorMessage"]["Std:Join"]["Values"]
        if isinstance(part, dict) and "Std:JsonGet" in part
    ]
    assert paths == [REASON]
    [file] = STEPS["Evaluate"]["PropertyFiles"]
    assert file == {
        "PropertyFileName": "Evaluation",
        "OutputName": "evaluation",
        "FilePath": "evaluation.json",
    }
