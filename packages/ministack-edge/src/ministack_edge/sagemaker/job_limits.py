# SPDX-License-Identifier: Apache-2.0
"""What SageMaker refuses when a job is created, which its service model does not say.

Image names are checked where they can be: the tags of AWS's PyTorch containers are known. Which
machines have disks of their own is the rule of AWS's own SDK (sagemaker-core 2.27,
common_utils.instance_supports_kms), and G7 and P6-B300, which that does not know yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core.responses import get_region

from ministack_edge.protocol import AwsError
from ministack_edge.sagemaker.request_check import is_expression

_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/"
    r"(?P<repository>[a-z0-9._/-]+)(:(?P<tag>[\w.-]+)|@sha256:[0-9a-f]{64})"
)
_CONTAINERS = "763104351884"
"""The account of AWS's deep learning containers in most regions."""
_PUBLISHED = {
    # aws/deep-learning-containers, docs/src/data/pytorch and docs/src/data/pytorch-training.
    "pytorch": {
        f"{version}{patch}-{build}-amzn2023-sagemaker"
        for version, patches, cuda in (
            ("2.11", ("", ".0"), "cu130"),
            ("2.12", ("", ".1"), "cu130"),
            ("2.13", ("", ".0"), "cu133"),
            ("2.14", ("", ".0"), "cu133"),
        )
        for patch in patches
        for build in ("cpu", cuda)
    },
    "pytorch-training": {
        f"{version}-{build}"
        for version, python, cuda in (
            ("2.8.0", "py312", "cu129"),
            ("2.9.0", "py312", "cu130"),
            ("2.10.0", "py313", "cu130"),
        )
        for build in (f"cpu-{python}", f"gpu-{python}", f"gpu-{python}-{cuda}")
    },
}
_OWN_DISKS = ("g5", "g6", "g7", "p5", "p6-b", "trn1", "trn2")


def check_job(kind: str, arguments: Mapping[str, Any], *, what: str) -> None:
    """Raise what CreateProcessingJob or CreateTrainingJob answers; expressions are taken."""
    for image in _images(arguments):
        _check_image(image, what)
    path = ("ResourceConfig",) if kind == "Training" else ("ProcessingResources", "ClusterConfig")
    cluster: Any = arguments
    for part in path:
        cluster = cluster.get(part) or {}
    machine = cluster.get("InstanceType")
    if isinstance(machine, str) and has_own_disk(machine) and cluster.get("VolumeKmsKeyId"):
        raise AwsError(
            "ValidationException",
            f"{what}: VolumeKmsKeyId can't be requested when using an instance type with local "
            f"storage: {machine}",
        )


def has_own_disk(instance_type: str) -> bool:
    """Whether jobs on it work on NVMe disks of the machine instead of an EBS volume."""
    family = instance_type.removeprefix("ml.").partition(".")[0]
    return "d" in family or family.startswith(_OWN_DISKS)


def _images(arguments: Mapping[str, Any]) -> Iterator[Any]:
    yield (arguments.get("AppSpecification") or {}).get("ImageUri")
    yield (arguments.get("AlgorithmSpecification") or {}).get("TrainingImage")
    for container in (arguments.get("InferenceSpecification") or {}).get("Containers") or []:
        yield container.get("Image")


def _check_image(image: Any, what: str) -> None:
    if image is None or is_expression(image):
        return
    found = _IMAGE.fullmatch(image)
    if found is None or found["region"] != get_region():
        raise AwsError(
            "ValidationException",
            f"{what}: Invalid image URI {image}. Please provide a valid Amazon Elastic Container "
            f"Registry path of the docker image in {get_region()}.",
        )
    if found["account"] != _CONTAINERS:
        return  # somebody's own: what is in it is not known here
    if found["repository"] not in _PUBLISHED:
        raise AwsError(
            "ValidationException",
            f"{what}: Cannot find repository: {found['repository']} in registry ID: "
            f"{_CONTAINERS}. Please check if your ECR repository exists.",
        )
    if found["tag"] not in _PUBLISHED[found["repository"]]:
        raise AwsError("ValidationException", f"{what}: Requested image {image} not found.")
