# SPDX-License-Identifier: Apache-2.0
"""Reads what prepare wrote: photos as the model will see them, and their labels."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from contracts.preprocessing import resize
from training.job import StepError

DATASET_FILE = "dataset.json"


@dataclass(frozen=True)
class Part:
    """One split: ``pixels`` uint8 [N, H, W, 3], ``labels`` int64 [N], ``files`` in that order."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    files: tuple[str, ...]


def read_dataset(prepared: Path) -> dict[str, Any]:
    """What ``dataset.json`` says. Raises StepError where the folder is not whole."""
    path = prepared / DATASET_FILE
    if not path.is_file():
        raise StepError(f"{prepared}: {DATASET_FILE} is missing: not prepared, or interrupted")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for split, counts in document["counts"].items():
        for name, count in counts.items():
            folder = prepared / split / name
            found = len(list(folder.glob("*.*")))
            if found != count:
                raise StepError(f"{folder}: {found} photos; {DATASET_FILE} says {count}")
    return document


def load(
    prepared: Path, split: str, classes: Sequence[str], *, size: int, most: int | None = None
) -> Part:
    """Load a split, each photo squashed to ``size`` x ``size`` by the camera's own function.

    ``most`` limits how many photos are taken, evenly over the classes.
    """
    found = [
        (index, path)
        for index, name in enumerate(classes)
        for path in sorted((prepared / split / name).glob("*.*"))
    ]
    if not found:
        raise StepError(f"{prepared / split}: no photos")
    if most is not None:
        chosen = evenly(np.array([index for index, _ in found], np.int64), most)
        found = [found[position] for position in chosen]
    pixels = np.empty((len(found), size, size, 3), np.uint8)

    def fill(position: int) -> None:
        with Image.open(found[position][1]) as image:
            # JPEG's own scaled decode, as the camera does it (contracts.preprocessing).
            image.draft("RGB", (size, size))
            picture = np.asarray(image.convert("RGB"))
        pixels[position] = resize(picture, width=size, height=size)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(fill, range(len(found))):
            pass
    return Part(
        pixels,
        np.array([index for index, _ in found], np.int64),
        tuple(path.relative_to(prepared).as_posix() for _, path in found),
    )


def evenly(labels: NDArray[np.int64], count: int) -> list[int]:
    """Positions of about ``count`` photos, at least one of each class; always the same ones."""
    classes = np.unique(labels)
    each = max(1, count // len(classes))
    chosen: list[int] = []
    for index in classes:
        members = np.flatnonzero(labels == index)
        steps = np.linspace(0, len(members) - 1, min(each, len(members)))
        chosen.extend(members[steps.astype(int)].tolist())
    return sorted(chosen)
