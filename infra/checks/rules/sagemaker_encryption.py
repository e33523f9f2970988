# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-SM1: SageMaker jobs encrypt their disks and what they write."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template, text
from infra.config.training_machines import MACHINES

KEYS = {
    "Processing": (
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "ProcessingOutputConfig.KmsKeyId",
    ),
    "Training": ("ResourceConfig.VolumeKmsKeyId", "OutputDataConfig.KmsKeyId"),
    "Transform": ("TransformResources.VolumeKmsKeyId", "TransformOutput.KmsKeyId"),
}
_NESTED = ("IfSteps", "ElseSteps")


def check(template: Template) -> Iterator[Finding]:
    """Pipeline steps and notebook disks without a key."""
    for pipeline in template.of_type("AWS::SageMaker::Pipeline"):
        path = "Properties.PipelineDefinition"
        definition = pipeline.properties.get("PipelineDefinition") or {}
        body = definition.get("PipelineDefinitionBody")
        if body is None:
            yield at(pipeline, path, "the definition is not in the template: it cannot be checked")
            continue
        document = json.loads(text(body))
        for step in _steps(document.get("Steps", [])):
            arguments = step.get("Arguments") or {}
            for key in KEYS.get(str(step.get("Type")), ()):
                cluster, _, name = key.rpartition(".")
                local = name == "VolumeKmsKeyId" and _has_local_disk(
                    _value(arguments, f"{cluster}.InstanceType"), document
                )
                if local and _value(arguments, key):
                    refused = "SageMaker refuses a key for the machine's own disk"
                    yield at(pipeline, path, f"step {step.get('Name')} has {key}: {refused}")
                elif not local and not _value(arguments, key):
                    yield at(pipeline, path, f"step {step.get('Name')} has no {key}")
    for notebook in template.of_type("AWS::SageMaker::NotebookInstance"):
        if not notebook.properties.get("KmsKeyId"):
            yield at(notebook, "Properties.KmsKeyId", "the notebook's disk has no key")


def _has_local_disk(kind: Any, document: Mapping[str, Any]) -> bool:
    """Whether all instance types that an execution may choose have hardware-encrypted disks."""
    chosen = [kind]
    if isinstance(kind, Mapping):
        name = str(kind.get("Get", "")).removeprefix("Parameters.")
        parameters = document.get("Parameters", [])
        found: Mapping[str, Any] = next((p for p in parameters if p["Name"] == name), {})
        chosen = [found.get("DefaultValue"), *found.get("EnumValues", [None])]
    return all(str(one) in MACHINES and MACHINES[str(one)].local_disk for one in chosen)


def _steps(steps: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        yield step
        for branch in _NESTED:
            yield from _steps((step.get("Arguments") or {}).get(branch) or [])


def _value(arguments: Mapping[str, Any], key: str) -> Any:
    value: Any = arguments
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


RULE = Rule(
    id="BINSIGHT-SM1",
    title="SageMaker jobs encrypt disks and outputs with a key",
    why="A job's disk holds the whole dataset while it runs, and its output is the model. Without "
    "a key both are encrypted with keys that the account does not control.",
    fix="Set VolumeKmsKeyId and KmsKeyId of every Processing, Training and Transform step. "
    "Instance types with local NVMe disks accept no VolumeKmsKeyId: the hardware encrypts those "
    "disks.",
    check=check,
)
