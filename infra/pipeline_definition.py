# SPDX-License-Identifier: Apache-2.0
"""The SageMaker pipeline: prepare -> train -> evaluate -> gate -> register.

A pure function from plain values to the definition (schema 2020-12-01). The SageMaker SDK writes
the same document, but importing it costs seconds and asking it for a definition uploads files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.pipeline_gate import gate
from infra.pipeline_parts import (
    PROCESSING,
    TRAINING_DATA,
    cluster,
    entrypoint,
    get,
    join,
    model_folder,
    output_of,
    parameters,
    processing_input,
    processing_output,
    run_folder,
    text,
    training_channel,
)

METRICS = ("train:loss", "validation:loss", "validation:accuracy")


@dataclass(frozen=True, kw_only=True)
class PipelineInputs:
    """What differs between environments. Text may hold CloudFormation tokens."""

    image: str
    role_arn: str
    key_arn: str
    code_uri: str
    dataset_bucket: str
    artifacts_bucket: str
    model_package_group: str
    dataset: str
    instance_type: str
    volume_gb: int
    maximum_minutes: int
    epochs: int
    image_size: int
    seed: int
    minimum_accuracy: float
    approval: str


def pipeline_definition(inputs: PipelineInputs) -> dict[str, Any]:
    """The definition of the training pipeline."""
    return {
        "Version": "2020-12-01",
        "Parameters": _parameters(inputs),
        "Steps": [
            _prepare(inputs),
            _train(inputs),
            _evaluate(inputs),
            gate(
                image=inputs.image,
                artifacts_bucket=inputs.artifacts_bucket,
                model_package_group=inputs.model_package_group,
            ),
        ],
    }


def _parameters(inputs: PipelineInputs) -> list[dict[str, Any]]:
    automatic = inputs.approval == "automatic"
    return parameters(
        [
            ("DatasetManifest", "String", f"{inputs.dataset}/manifest.json"),
            ("InstanceType", "String", inputs.instance_type),
            ("Epochs", "Integer", inputs.epochs),
            ("ImageSize", "Integer", inputs.image_size),
            ("Seed", "Integer", inputs.seed),
            ("MinimumAccuracy", "Float", inputs.minimum_accuracy),
            ("ApprovalStatus", "String", "Approved" if automatic else "PendingManualApproval"),
        ]
    )


def _prepare(inputs: PipelineInputs) -> dict[str, Any]:
    manifest = join(f"s3://{inputs.dataset_bucket}/", get("Parameters.DatasetManifest"))
    return _processing(
        inputs,
        "Prepare",
        arguments=[
            *("--dataset", f"{PROCESSING}/input/dataset"),
            *("--output", f"{PROCESSING}/output/prepared"),
            *("--seed", text("Parameters.Seed")),
        ],
        sources=[processing_input("dataset", manifest, kind="ManifestFile")],
        outputs={"prepared": run_folder(inputs.artifacts_bucket, "prepared")},
    )


def _train(inputs: PipelineInputs) -> dict[str, Any]:
    prepared = output_of("Prepare", "prepared")
    return {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": inputs.image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": entrypoint(f"{TRAINING_DATA}/code"),
                "ContainerArguments": ["train"],
                "MetricDefinitions": [
                    {"Name": name, "Regex": f"{name.replace(':', '_')}=([0-9.]+)"}
                    for name in METRICS
                ],
            },
            "RoleArn": inputs.role_arn,
            "InputDataConfig": [
                training_channel("code", inputs.code_uri),
                training_channel("prepared", prepared),
            ],
            "HyperParameters": {
                "epochs": text("Parameters.Epochs"),
                "image-size": text("Parameters.ImageSize"),
                "seed": text("Parameters.Seed"),
            },
            "OutputDataConfig": {
                "S3OutputPath": run_folder(inputs.artifacts_bucket, "train"),
                "KmsKeyId": inputs.key_arn,
            },
            "ResourceConfig": _machine(inputs),
            "StoppingCondition": {"MaxRuntimeInSeconds": inputs.maximum_minutes * 60},
            # The step installs its locked packages, so it needs the package index.
            "EnableNetworkIsolation": False,
        },
    }


def _evaluate(inputs: PipelineInputs) -> dict[str, Any]:
    step = _processing(
        inputs,
        "Evaluate",
        arguments=[
            *("--model", f"{PROCESSING}/input/model"),
            *("--prepared", f"{PROCESSING}/input/prepared"),
            *("--evaluation", f"{PROCESSING}/output/evaluation"),
            *("--output", f"{PROCESSING}/output/model"),
        ],
        sources=[
            processing_input("model", get("Steps.Train.ModelArtifacts.S3ModelArtifacts")),
            processing_input("prepared", output_of("Prepare", "prepared")),
        ],
        outputs={
            "evaluation": run_folder(inputs.artifacts_bucket, "evaluation"),
            "model": model_folder(inputs.artifacts_bucket),
        },
    )
    step["PropertyFiles"] = [
        {
            "PropertyFileName": "Evaluation",
            "OutputName": "evaluation",
            "FilePath": "evaluation.json",
        }
    ]
    return step


def _processing(
    inputs: PipelineInputs,
    name: str,
    *,
    arguments: Sequence[Any],
    sources: Sequence[dict[str, Any]],
    outputs: Mapping[str, Any],
) -> dict[str, Any]:
    """A processing step that runs ``training.<name>`` from the code archive."""
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {"ClusterConfig": _machine(inputs)},
            "AppSpecification": {
                "ImageUri": inputs.image,
                "ContainerEntrypoint": entrypoint(f"{PROCESSING}/input/code"),
                "ContainerArguments": [name.lower(), *arguments],
            },
            "RoleArn": inputs.role_arn,
            "ProcessingInputs": [processing_input("code", inputs.code_uri), *sources],
            "ProcessingOutputConfig": {
                "Outputs": [processing_output(output, uri) for output, uri in outputs.items()],
                "KmsKeyId": inputs.key_arn,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": inputs.maximum_minutes * 60},
            # The step installs its locked packages, so it needs the package index.
            "NetworkConfig": {"EnableNetworkIsolation": False},
        },
    }


def _machine(inputs: PipelineInputs) -> dict[str, Any]:
    return cluster(volume_gb=inputs.volume_gb, key_arn=inputs.key_arn)
