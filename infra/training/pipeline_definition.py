# SPDX-License-Identifier: Apache-2.0
"""The SageMaker pipeline: prepare -> train -> evaluate -> gate -> register.

A pure function from plain values to the definition (schema 2020-12-01). The SageMaker SDK writes
the same document, but importing it costs seconds and asking it for a definition uploads files;
tests/sdk compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.config.training import TrainingSettings
from infra.config.training_machines import sizes
from infra.training.pipeline_expressions import parameters
from infra.training.pipeline_steps import Jobs
from infra.training.quality_gate import gate


@dataclass(frozen=True, kw_only=True)
class PipelineInputs:
    """What differs between environments. Text may hold CloudFormation tokens.

    ``bins`` is the bin policy as JSON; ``tags`` are put on every job. ``training_image`` is for the
    machines that train, ``image`` for the others.
    """

    image: str
    training_image: str
    region: str
    role_arn: str
    key_arn: str
    code_uri: str
    dataset_bucket: str
    artifacts_bucket: str
    model_package_group: str
    bins: str
    training: TrainingSettings
    tags: Mapping[str, str] = field(default_factory=dict)


def pipeline_definition(inputs: PipelineInputs) -> dict[str, Any]:
    """The definition of the training pipeline."""
    jobs = Jobs(
        image=inputs.image,
        training_image=inputs.training_image,
        role_arn=inputs.role_arn,
        key_arn=inputs.key_arn,
        code_uri=inputs.code_uri,
        artifacts_bucket=inputs.artifacts_bucket,
        settings=inputs.training,
        tags=inputs.tags,
    )
    return {
        "Version": "2020-12-01",
        "Parameters": _parameters(inputs.training),
        "Steps": [
            jobs.prepare(dataset_bucket=inputs.dataset_bucket),
            jobs.train(),
            jobs.evaluate(group=inputs.model_package_group, region=inputs.region, bins=inputs.bins),
            gate(image=inputs.image, model_package_group=inputs.model_package_group),
        ],
    }


def _parameters(settings: TrainingSettings) -> list[dict[str, Any]]:
    """What one execution may choose. DatasetVersion has no default on purpose.

    Prepare is reused for the same manifest and version: a default would let an execution take
    yesterday's photos for today's.
    """
    automatic = settings.approval == "automatic"
    return parameters(
        [
            ("DatasetManifest", "String", f"{settings.dataset}/manifest.json"),
            ("DatasetVersion", "String", None),
            ("InstanceType", "String", settings.instance_type),
            ("ProcessingInstanceType", "String", settings.processing_machine.name),
            ("InstanceCount", "Integer", settings.instance_count),
            ("Network", "String", settings.network),
            ("Epochs", "Integer", settings.epochs),
            ("ImageSize", "Integer", settings.image_size),
            ("Seed", "Integer", settings.seed),
            ("MinimumItemAccuracy", "Float", settings.minimum_item_accuracy),
            ("MinimumAccuracy", "Float", settings.minimum_accuracy),
            ("MinimumRecall", "Float", settings.minimum_recall),
            ("MaximumInt8Loss", "Float", settings.maximum_int8_loss),
            ("Tolerance", "Float", settings.tolerance),
            ("ApprovalStatus", "String", "Approved" if automatic else "PendingManualApproval"),
        ],
        # Another family would need another image or other disks.
        allowed={
            "InstanceType": sizes(settings.instance_type),
            "ProcessingInstanceType": sizes(settings.processing_machine.name),
        },
    )
