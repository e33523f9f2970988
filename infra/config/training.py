# SPDX-License-Identifier: Apache-2.0
"""The section ``[training]`` of an environment file (docs/training.md explains each key)."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from infra.config.base import Fraction, Section
from infra.config.schedules import fault
from infra.config.training_machines import MACHINES, Machine, machine

NETWORKS = ("mobilenet_v2", "resnet", "compact")
"""The networks that training is tested with; a test compares with training/networks."""

WITHOUT_WEIGHTS = ("compact",)
"""Those of them that learn from scratch only."""

BATCH_SIZES = {"mobilenet_v2": 32, "resnet": 32, "compact": 16}
"""Photos per training step, divided among all GPUs and machines; the same test compares."""

PROCESSING_BESIDE_GPUS = "ml.m5.xlarge"
"""Instance type for Prepare and Evaluate if training has GPUs, which neither step would use."""

HUB_ID = r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w.-]+)?"
PREFIX = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9._/-]+/"
_INSTANCE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"


def _check_cron(value: str) -> str:
    if allowed := fault(value):
        raise ValueError(allowed)
    return value


def _check_network(value: str) -> str:
    if value not in NETWORKS:
        raise ValueError(f"one of {', '.join(NETWORKS)}")
    return value


def _check_machine(value: str) -> str:
    return machine(value).name


def _check_processing(value: str) -> str:
    chosen = machine(value)
    if chosen.gpus or not chosen.processing:
        known = {other.name.split(".")[1] for other in MACHINES.values() if _processes(other)}
        raise ValueError(
            "an instance type for processing jobs without a GPU, which these steps would not use, "
            f"of the families {', '.join(sorted(known))}"
        )
    return value


def _processes(machine: Machine) -> bool:
    return machine.processing and not machine.gpus


def _check_image_size(value: int) -> int:
    if value % 32:
        raise ValueError("a multiple of 32, because the networks halve it five times")
    return value


def _check_weights(value: str) -> str:
    if value and not re.fullmatch(f"{HUB_ID}|{PREFIX}", value):
        raise ValueError(
            "an S3 prefix that ends with / (s3://bucket/folder/), an id of the Hugging Face hub "
            "(owner/name or owner/name@revision), or empty: from scratch"
        )
    return value


Points = Annotated[float, Field(ge=0, le=100)]
Instance = Annotated[str, Field(pattern=_INSTANCE)]


class TrainingSettings(Section):
    """The network, its machines, thresholds and approval; or the environment whose models are
    taken.

    With ``from`` this environment does not train, and ``approval`` is the only other key.
    """

    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] | None = Field(
        default=None, alias="from"
    )
    dataset: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "trash"
    schedule: Annotated[str, AfterValidator(_check_cron)] | None = None

    instance_type: Annotated[str, AfterValidator(_check_machine)] = "ml.m5.xlarge"
    processing_instance_type: Annotated[str, AfterValidator(_check_processing)] | None = None
    instance_count: Annotated[int, Field(ge=1, le=16)] = 1
    volume_gb: Annotated[int, Field(ge=10, le=1000)] = 30
    maximum_minutes: Annotated[int, Field(ge=5, le=1440)] = 120
    spot: bool = False
    cache_days: Annotated[int, Field(ge=0, le=365)] = 14

    network: Annotated[str, AfterValidator(_check_network)] = "mobilenet_v2"
    weights: Annotated[str, Field(max_length=256), AfterValidator(_check_weights)] = (
        "google/mobilenet_v2_1.0_224"
    )
    image_size: Annotated[int, Field(ge=32, le=512), AfterValidator(_check_image_size)] = 224
    epochs: Annotated[int, Field(ge=1, le=500)] = 20
    patience: Annotated[int, Field(ge=0, le=500)] = 8
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0

    minimum_item_accuracy: Fraction = 0.7
    minimum_accuracy: Fraction = 0.8
    minimum_recall: Fraction = 0.6
    maximum_int8_loss: Points = 1.0
    tolerance: Points = 1.0
    maximum_forgetting: Points = 1.0
    approval: Literal["automatic", "manual"] = "manual"

    notebook: Instance | None = None
    notebook_idle_minutes: Annotated[int, Field(ge=15, le=1440)] = 60
    notebook_subnet: Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")] | None = None
    notebook_security_group: Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")] | None = None

    @property
    def unused(self) -> list[str]:
        """Keys that are set but have no effect, because models come from another environment."""
        return sorted(self.model_fields_set - {"source", "approval"}) if self.source else []

    @property
    def machine(self) -> Machine:
        """The machine of the Train step."""
        return machine(self.instance_type)

    @property
    def processing_machine(self) -> Machine:
        """The machine of Prepare and Evaluate: the same as for Train, unless that has a GPU."""
        chosen = self.processing_instance_type
        if chosen is None:
            chosen = self.instance_type if _processes(self.machine) else PROCESSING_BESIDE_GPUS
        return machine(chosen)

    @property
    def processes(self) -> int:
        """How many processes train together: one per GPU, or per machine without a GPU."""
        return self.instance_count * max(1, self.machine.gpus)

    @property
    def weights_prefix(self) -> tuple[str, str] | None:
        """Bucket and prefix where the pretrained weights are in S3, else None."""
        if not self.weights.startswith("s3://"):
            return None
        bucket, _, prefix = self.weights.removeprefix("s3://").partition("/")
        return bucket, prefix
