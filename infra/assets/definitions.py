# SPDX-License-Identifier: Apache-2.0
"""The sources and packages of each asset."""

import hashlib
import os
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORMAT = "2"
"""Increase this when the archive layout changes, so that cached archives are rebuilt."""

_SKIPPED_FOLDERS = {"__pycache__", "tests", "node_modules"}
_SKIPPED_SUFFIXES = {".pyc", ".pyo", ".md"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Files of a folder of this repository, placed under ``inside`` in the archive."""

    folder: str
    inside: str = ""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """An archive: some sources and, where ``lock`` names a file, the packages it pins.

    The packages are those for Linux on ``architecture``.
    """

    name: str
    sources: Sequence[Source]
    lock: str = ""
    architecture: str = "x86_64"

    def files(self, root: Path = ROOT) -> list[tuple[str, Path]]:
        """Every source file with its name in the archive, sorted by that name."""
        return sorted(
            (name, path)
            for source in self.sources
            for name, path in _walk(root / source.folder, source.inside)
            # An archive that contains its packages does not need the list of them.
            if not (self.lock and path.suffix == ".in")
        )

    def lock_digest(self, root: Path = ROOT) -> str:
        """Changes when the pinned packages do; empty when there are none."""
        if not self.lock:
            return ""
        content = (root / self.lock).read_bytes()
        other = "" if self.architecture == "x86_64" else self.architecture
        return hashlib.sha256((FORMAT + other).encode() + content).hexdigest()

    def digest(self, root: Path = ROOT) -> str:
        """Changes when anything in the archive does: the asset's hash."""
        digest = hashlib.sha256(f"{FORMAT}\n{self.name}\n{self.lock_digest(root)}\n".encode())
        for name, path in self.files(root):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
        return digest.hexdigest()


INFERENCE = Bundle(
    name="inference",
    sources=(
        Source(folder="lambda/inference"),
        Source(folder="contracts", inside="contracts"),
    ),
    lock="lambda/inference/requirements.txt",
)
"""The camera program for x86_64 Linux, Python 3.11, glibc 2.28 or newer. The Lambda function's code
and the generic component's artifact are this one archive."""

INFERENCE_AARCH64 = replace(INFERENCE, name="inference-aarch64", architecture="aarch64")
"""The same for ARMv8. Built only if an environment uses the generic packaging, because it needs a
separate download."""

COMPONENT_ARTIFACTS = Bundle(
    name="component_artifacts",
    sources=(
        Source(folder="lambda/component_artifacts"),
        Source(folder="contracts", inside="contracts"),
    ),
)
"""Copies the generic component's artifacts to where cameras read them."""

ROLLOUT = Bundle(
    name="rollout",
    sources=(
        Source(folder="lambda/rollout"),
        Source(folder="contracts", inside="contracts"),
    ),
)
"""The rollout's function; boto3 comes with the Lambda runtime. Its rollout/adopt.py goes on to the
cameras as an artifact of the model component."""

REGISTRY_CLEANUP = Bundle(
    name="registry_cleanup",
    sources=(
        Source(folder="lambda/registry_cleanup"),
        Source(folder="contracts", inside="contracts"),
    ),
)
"""Empties the model package group when an environment that keeps nothing is destroyed."""

ENROLMENT = Bundle(
    name="enrolment",
    sources=(
        Source(folder="lambda/enrolment"),
        Source(folder="contracts", inside="contracts"),
    ),
)
"""AWS IoT's pre-provisioning hook, and the expiry of enrolment kits."""

PROMOTION = Bundle(
    name="promotion",
    sources=(
        Source(folder="lambda/promotion"),
        Source(folder="contracts", inside="contracts"),
    ),
)
"""Copies approved models of the environment that trains into one that does not."""

FLEET_WATCH = Bundle(
    name="fleet_watch",
    sources=(
        Source(folder="lambda/fleet_watch"),
        Source(folder="contracts", inside="contracts"),
    ),
)
"""Two functions: the one that writes the latest state of a camera, and the fleet's watcher."""

TRAINING = Bundle(
    name="training",
    sources=(
        Source(folder="training", inside="training"),
        Source(folder="contracts", inside="contracts"),
    ),
)
"""What every step of the training pipeline runs."""

BUNDLES = (
    COMPONENT_ARTIFACTS,
    ENROLMENT,
    FLEET_WATCH,
    INFERENCE,
    PROMOTION,
    REGISTRY_CLEANUP,
    ROLLOUT,
    TRAINING,
)
"""What every environment needs."""


def needed_bundles() -> tuple[Bundle, ...]:
    """The bundles that the existing environments need; synth then uses those of one environment.

    A file that cannot be read is ignored: loading that environment reports its errors.
    """
    folder = Path(os.environ.get("BINSIGHT_ENVIRONMENTS") or ROOT / "environments")
    for path in sorted(folder.glob("*.toml")):
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            continue
        camera = document.get("camera")
        if isinstance(camera, dict) and camera.get("packaging") == "generic":
            return (*BUNDLES, INFERENCE_AARCH64)
    return BUNDLES


def _walk(folder: Path, inside: str) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        skipped = _SKIPPED_FOLDERS.intersection(relative.parts) or any(
            part.startswith(".") for part in relative.parts
        )
        if path.is_file() and not skipped and path.suffix not in _SKIPPED_SUFFIXES:
            yield f"{inside}/{relative.as_posix()}" if inside else relative.as_posix(), path
