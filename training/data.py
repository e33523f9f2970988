# SPDX-License-Identifier: Apache-2.0
"""Reads prepared datasets: photos as the model will see them, and their labels.

A photo of a fixed camera is cropped to the item, as on the camera.
"""

import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from contracts.cut import Box, CutRule, cut, decode_divisor
from training.sagemaker_job import StepError

DATASET_FILE, BACKGROUNDS = "dataset.json", "background"
LOOSE_MARGIN = 0.35
"""Margin of a loose cut; training shifts and crops inside it."""
_IN_MEMORY = 2 * 10**9
"""Bytes of pixels; above this, they are kept in a file that the system may page out."""

Share = NDArray[np.float32]
"""A rectangle on a photo: left, top, right, bottom, from 0 to 1."""


@dataclass(frozen=True)
class Part:
    """One split: ``pixels`` uint8 [N, H, W, 3], ``labels`` int64 [N], ``files`` in that order.

    ``aspects`` float32 [N] are width over height before the photos were squashed; ``boxes`` has the
    item's place on photos for which prepare found it. Both may be omitted.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    files: tuple[str, ...]
    aspects: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    boxes: tuple[Share | None, ...] = ()


def read_dataset(prepared: Path) -> dict[str, Any]:
    """The content of ``dataset.json``. Raises StepError if the folder is incomplete."""
    path = prepared / DATASET_FILE
    if not path.is_file():
        raise StepError(
            f"{prepared}: {DATASET_FILE} is missing: prepare did not run or was interrupted"
        )
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for split, counts in document["counts"].items():
        for name, count in counts.items():
            folder = prepared / split / name
            found = len(list(folder.glob("*.*")))
            if found != count:
                raise StepError(f"{folder}: {found} photos; {DATASET_FILE} says {count}")
    return document


def load(
    prepared: Path,
    split: str,
    classes: Sequence[str],
    *,
    size: int,
    most: int | None = None,
    loosely: bool = False,
) -> Part:
    """Load a split, each photo squashed to ``size`` x ``size`` by the camera's own function.

    ``most`` limits how many photos are taken, evenly over the classes. ``loosely`` leaves more room
    around the items of fixed cameras than a camera does, for training to vary the cut.
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
    known = known_items(prepared)
    rule = CutRule(margin=LOOSE_MARGIN) if loosely else CutRule()
    pixels = _room((len(found), size, size, 3))
    aspects = np.empty(len(found), np.float32)
    boxes: list[Share | None] = [None] * len(found)

    def fill(position: int) -> None:
        path = found[position][1]
        box = known.get(path.relative_to(prepared).as_posix())
        with Image.open(path) as image:
            columns, rows = image.size
            region = rule.region(box, columns=columns, rows=rows, width=size, height=size)
            divisor = decode_divisor(region, columns=columns, rows=rows, width=size, height=size)
            # JPEG's own scaled decode, as the camera does it (contracts.cut). Pillow takes the
            # coarsest scale that is not below what it is asked for, so the division rounds down.
            image.draft("RGB", (columns // divisor, rows // divisor))
            divisor = round(columns / image.width)  # a PNG has none
            picture = np.asarray(image.convert("RGB"))
        pixels[position] = cut(picture, region, width=size, height=size, divisor=divisor)
        aspects[position] = region.width / region.height
        boxes[position] = _within(box, region) if box else None

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(fill, range(len(found))):
            pass
    return Part(
        pixels,
        np.array([index for index, _ in found], np.int64),
        tuple(path.relative_to(prepared).as_posix() for _, path in found),
        aspects,
        tuple(boxes),
    )


def known_items(prepared: Path) -> dict[str, Box]:
    """The places of items on views of fixed cameras, by the photo's stored name."""
    path = prepared / DATASET_FILE
    if not path.is_file():
        return {}
    items = json.loads(path.read_text(encoding="utf-8")).get("items", {})
    return {name: Box(*box) for name, box in items.items()}


def _within(box: Box, region: Box) -> Share:
    """A box as shares of the region around it."""
    x = (np.array([box.left, box.right]) - region.left) / region.width
    y = (np.array([box.top, box.bottom]) - region.top) / region.height
    return np.array(np.clip([x[0], y[0], x[1], y[1]], 0, 1), np.float32)


def _room(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An array of bytes, in an anonymous file if it is too large for memory."""
    count = int(np.prod(shape, dtype=np.int64))
    if count <= _IN_MEMORY:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile(prefix="binsight-") as file:
        file.truncate(count)
        return np.memmap(file, np.uint8, "r+", shape=shape)


def evenly(labels: NDArray[np.int64], count: int) -> list[int]:
    """Positions of about ``count`` photos, at least one per class; deterministic."""
    classes = np.unique(labels)
    each = max(1, count // len(classes))
    chosen: list[int] = []
    for index in classes:
        members = np.flatnonzero(labels == index)
        steps = np.linspace(0, len(members) - 1, min(each, len(members)))
        chosen.extend(members[steps.astype(int)].tolist())
    return sorted(chosen)
