# SPDX-License-Identifier: Apache-2.0
"""Divides photos into training, validation and test so that the test says something.

Neighbouring file numbers are often shots of one object, and a copy is the same photo twice. Either
on both sides of a split would flatter the accuracy by a point or two, so they stay together.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

from training.job import StepError
from training.photos import Photo, natural

SPLITS = ("train", "validation", "test")
FRACTIONS: Mapping[str, float] = {"train": 0.70, "validation": 0.15, "test": 0.15}

_LONGEST_BLOCK = 10
_BLOCKS_WANTED = 20


def divide(
    photos: Sequence[Photo], *, seed: int, minimum_photos: int
) -> dict[str, dict[str, list[Photo]]]:
    """``{split: {class: photos}}``: every class in every split, in the wanted proportions.

    Raises StepError naming the class that has too few different photos.
    """
    by_class: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        by_class[photo.class_name].append(photo)
    result: dict[str, dict[str, list[Photo]]] = {split: {} for split in SPLITS}
    for name in sorted(by_class):
        different = len({photo.digest for photo in by_class[name]})
        if different < minimum_photos:
            raise StepError(
                f"class {name!r}: {different} usable different photos; at least {minimum_photos} "
                "are needed"
            )
        for split, members in _divide_class(by_class[name], seed=f"{seed}/{name}").items():
            result[split][name] = sorted(members, key=lambda photo: natural(photo.path))
    return result


def _divide_class(photos: Sequence[Photo], *, seed: str) -> dict[str, list[Photo]]:
    """Deal the blocks of one class, each to the split that is furthest from its share."""
    blocks = _blocks(photos)
    random.Random(seed).shuffle(blocks)  # noqa: S311 - a reproducible split, not a secret
    # Validation and test get their first block before anything else: no split may stay empty.
    parts = {split: list(blocks.pop()) for split in ("test", "validation")}
    parts["train"] = list(blocks.pop())
    for block in blocks:
        missing = {split: FRACTIONS[split] * len(photos) - len(parts[split]) for split in SPLITS}
        parts[max(SPLITS, key=missing.__getitem__)].extend(block)
    return parts


def _blocks(photos: Sequence[Photo]) -> list[list[Photo]]:
    """Runs of neighbouring photos. A copy joins the run of the photo it repeats."""
    ordered = sorted(photos, key=lambda photo: natural(photo.path))
    first: dict[str, int] = {}
    originals: list[Photo] = []
    for photo in ordered:
        if photo.digest not in first:
            first[photo.digest] = len(originals)
            originals.append(photo)
    length = max(1, min(_LONGEST_BLOCK, len(originals) // _BLOCKS_WANTED))
    blocks: list[list[Photo]] = [[] for _ in range(-(-len(originals) // length))]
    for photo in ordered:
        blocks[first[photo.digest] // length].append(photo)
    return blocks
