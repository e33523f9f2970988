# SPDX-License-Identifier: Apache-2.0
"""The SageMaker pipeline: prepare -> train -> evaluate -> gate -> register.

A pure function from plain values to the definition (schema 2020-12-01). The SageMaker SDK writes
the same document, but importing it costs seconds and asking it for a definition uploads files;
tests/sdk compares the two.
"""

from typing import Any

from infra.config.training import TrainingSettings
from infra.config.training_machines import sizes
from infra.training.pipeline_expressions import parameters
from infra.training.pipeline_steps import PipelineSteps
from infra.training.quality_gate import gate


def pipeline_definition(steps: PipelineSteps) -> dict[str, Any]:
    """The definition of the training pipeline."""
    return {
        "Version": "2020-12-01",
        "Parameters": _parameters(steps.training),
        "Steps": [
            steps.prepare(),
            steps.train(),
            steps.evaluate(),
            gate(image=steps.image, model_package_group=steps.model_package_group),
        ],
    }


def _parameters(training: TrainingSettings) -> list[dict[str, Any]]:
    """The parameters of one execution. DatasetVersion has no default on purpose.

    Prepare is reused for the same manifest and version: with a default, an execution could reuse
    yesterday's photos instead of today's.
    """
    automatic = training.approval == "automatic"
    return parameters(
        [
            ("DatasetManifest", "String", f"{training.dataset}/manifest.json"),
            ("DatasetVersion", "String", None),
            ("InstanceType", "String", training.instance_type),
            ("ProcessingInstanceType", "String", training.processing_machine.name),
            ("InstanceCount", "Integer", training.instance_count),
            ("Network", "String", training.network),
            ("Epochs", "Integer", training.epochs),
            ("ImageSize", "Integer", training.image_size),
            ("Seed", "Integer", training.seed),
            ("MinimumItemAccuracy", "Float", training.minimum_item_accuracy),
            ("MinimumAccuracy", "Float", training.minimum_accuracy),
            ("MinimumRecall", "Float", training.minimum_recall),
            ("MaximumInt8Loss", "Float", training.maximum_int8_loss),
            ("Tolerance", "Float", training.tolerance),
            ("MaximumForgetting", "Float", training.maximum_forgetting),
            ("ApprovalStatus", "String", "Approved" if automatic else "PendingManualApproval"),
        ],
        # Another family could need another image or other disks.
        allowed={
            "InstanceType": sizes(training.instance_type),
            "ProcessingInstanceType": sizes(training.processing_machine.name),
        },
    )
