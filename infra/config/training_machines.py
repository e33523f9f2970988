# SPDX-License-Identifier: Apache-2.0
"""The SageMaker instance types that training can use, and their properties.

Sources: the service model's TrainingInstanceType and ProcessingInstanceType (botocore 1.43.106; a
test compares), the EC2 user guide's pages on accelerated computing and on instance store volumes,
the announcements of G7 (June 2026) and P6. A GPU must have compute capability 7.5 or more: CUDA 13,
which the image contains, does not support older ones.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Family(NamedTuple):
    """One instance family: common properties and the sizes."""

    sizes: tuple[str, ...]
    gpus: Mapping[str, int] = {}
    """NVIDIA GPUs by size; empty if there are none."""
    local_disk: bool = False
    """Jobs work on NVMe disks of the machine, encrypted by its hardware. SageMaker refuses a key
    (VolumeKmsKeyId) for them."""
    processing: bool = True
    """Whether processing jobs may use it as well as training jobs."""


SMALLEST_LOCAL_DISK_GB = 75
"""What the smallest of the types below has (ml.r5d.large), as SageMaker's limit for the others."""

_TO_24 = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
_FLEX = ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_EIGHTH = ("xlarge", *_TO_24[2:], "32xlarge", "48xlarge", "96xlarge")
_C5 = ("xlarge", "2xlarge", "4xlarge", "9xlarge", "18xlarge")
_ONE = dict.fromkeys(("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"), 1)
_G4DN = _ONE | {"12xlarge": 4}
_G5 = _G4DN | {"24xlarge": 4, "48xlarge": 8}
_G7 = {"2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "12xlarge": 2, "24xlarge": 4, "48xlarge": 8}
_P24, _P48 = {"24xlarge": 8}, {"48xlarge": 8}


def _gpu(gpus: Mapping[str, int], *, processing: bool = True) -> Family:
    return Family(tuple(gpus), gpus, local_disk=True, processing=processing)


FAMILIES: Mapping[str, Family] = {
    "c4": Family(("xlarge", "2xlarge", "4xlarge", "8xlarge")),
    "c5": Family(_C5),
    "c5n": Family(_C5, processing=False),
    "c6i": Family((*_TO_24[1:], "32xlarge")),
    "c7i": Family((*_TO_24, "48xlarge")),
    "c7i-flex": Family(_FLEX),
    "c8i": Family(_EIGHTH),
    "c8i-flex": Family(_FLEX),
    "g4dn": _gpu(_G4DN),
    "g5": _gpu(_G5),
    "g6": _gpu(_G5),
    "g6e": _gpu(_G5),
    "g7": _gpu(_G7),
    "g7e": _gpu(_G7),
    "m4": Family(("xlarge", "2xlarge", "4xlarge", "10xlarge", "16xlarge")),
    "m5": Family(("large", "xlarge", "2xlarge", "4xlarge", "12xlarge", "24xlarge")),
    "m6i": Family((*_TO_24, "32xlarge")),
    "m7i": Family((*_TO_24, "48xlarge")),
    "m7i-flex": Family(("large", *_FLEX)),
    "m8i": Family(("large", *_EIGHTH)),
    "m8i-flex": Family(("large", *_FLEX)),
    "p4d": _gpu(_P24, processing=False),
    "p4de": _gpu(_P24, processing=False),
    # Processing jobs accept only the small size of p5.
    "p5": _gpu({"4xlarge": 1, **_P48}, processing=False),
    "p5e": _gpu(_P48, processing=False),
    "p5en": _gpu(_P48, processing=False),
    "p6-b200": _gpu(_P48, processing=False),
    "p6-b300": _gpu(_P48, processing=False),
    "r5": Family(_TO_24),
    "r5d": Family(_TO_24, local_disk=True),
    "r6i": Family((*_TO_24, "32xlarge")),
    "r7i": Family((*_TO_24, "48xlarge")),
    "r8i": Family(("large", *_EIGHTH)),
    "r8i-flex": Family(("large", *_FLEX)),
    "t3": Family(("medium", "large", "xlarge", "2xlarge")),
}
"""By family: what SageMaker offers for training and the images run on."""

REFUSED: Mapping[str, str] = {
    "p2": "its GPU (K80) is too old for CUDA 13",
    "p3": "its GPU (V100) is too old for CUDA 13",
    "p3dn": "its GPU (V100) is too old for CUDA 13",
    "p6e-gb200": "its processor is arm64 and the images are for x86_64",
    "trn1": "Trainium needs images and code of its own",
    "trn1n": "Trainium needs images and code of its own",
    "trn2": "Trainium needs images and code of its own",
}
"""Families that SageMaker offers for training and that cannot work here, each with the reason."""


class Machine(NamedTuple):
    """One instance type."""

    name: str
    gpus: int
    """Number of NVIDIA GPUs."""
    local_disk: bool
    processing: bool


def _all() -> dict[str, Machine]:
    found = {}
    for name, family in FAMILIES.items():
        for size in family.sizes:
            full = f"ml.{name}.{size}"
            found[full] = Machine(
                full, family.gpus.get(size, 0), family.local_disk, family.processing
            )
    return found


MACHINES: Mapping[str, Machine] = _all()
"""Every instance type that training can use, by its name."""


def machine(name: str) -> Machine:
    """The instance type of this name. ValueError says why it cannot be used and what can."""
    if name in MACHINES:
        return MACHINES[name]
    prefix, _, rest = name.partition(".")
    family = rest.partition(".")[0] if prefix == "ml" else ""
    if family in REFUSED:
        raise ValueError(f"not {family}, {REFUSED[family]}; but {_families()}")
    if family in FAMILIES:
        raise ValueError(
            f"ml.{family}.<size>, size one of {', '.join(FAMILIES[family].sizes)}, for example "
            f"ml.{family}.{FAMILIES[family].sizes[0]}"
        )
    raise ValueError(f"an instance type of SageMaker such as ml.m5.xlarge, of {_families()}")


def sizes(name: str) -> list[str]:
    """All instance types of this one's family.

    A pipeline definition that is right for one of them is right for all: they have the same image
    and the same kind of disk.
    """
    family = name.split(".")[1]
    return [f"ml.{family}.{size}" for size in FAMILIES[family].sizes]


def _families() -> str:
    with_gpu = [name for name, family in FAMILIES.items() if family.gpus]
    without = [name for name in FAMILIES if name not in with_gpu]
    return f"the families {', '.join(without)} or, with GPUs, {', '.join(with_gpu)}"
