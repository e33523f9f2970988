# SPDX-License-Identifier: Apache-2.0
"""Builds ``dataset.json``, which describes a prepared dataset."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.dataset.listing import BACKGROUND, SPLITS
from training.dataset.photos import Photo, Rejected
from training.dataset.prepared_folder import stored_name
from training.dataset.split import Shares

SCHEMA = 1


def describe(  # noqa: PLR0913 - the keys of the manifest
    parts: Mapping[str, Mapping[str, list[Photo]]],
    rejected: Sequence[Rejected],
    *,
    seed: int,
    shares: Shares,
    groups: Mapping[str, Any],
    like_bits: int,
    alike: Sequence[Sequence[Photo]],
    contradictions: Sequence[Sequence[Photo]],
    backgrounds: Sequence[Photo] = (),
    empty: Sequence[Photo] = (),
    views: Sequence[Sequence[Photo]] = (),
    boxes: Mapping[str, Sequence[int]] | None = None,
    given: Mapping[str, str] | None = None,
    earlier: Mapping[str, str] | None = None,
    origin: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document. Paths are those in the dataset; ``digests`` has the SHA-256 of each file used.

    ``digest`` stands for all of it: it changes when a photo, a label or the split changes, and with
    nothing else. ``views`` says how many photos each fixed camera took, ``empty`` which photos
    show nothing but such a view, ``backgrounds`` which empty views the dataset brought, ``items``
    where the items of fixed cameras are (``boxes`` by path): by name in the prepared folder, left,
    top, right and bottom in the pixels of that file. ``given_split``: the dataset brought its own
    split (``given``), which was kept; ``across`` are the duplicates that it put on two sides.
    ``new`` are the photos by split that the model in service does not know, where it knows others
    (``earlier``: their splits by path). ``origin``: see ``training.dataset.origin``.
    """
    classes = sorted(parts["train"])
    every = list(placed(parts))
    split_of = {photo.path: split for split, _, _, photo in every}
    return {
        "schema": SCHEMA,
        "digest": _digest(every, backgrounds),
        "digests": {photo.path: photo.digest for *_, photo in every},
        "classes": classes,
        "seed": seed,
        "shares": shares.to_json(),
        "like_bits": like_bits,
        "groups": dict(groups),
        "counts": {split: {name: len(parts[split][name]) for name in classes} for split in SPLITS},
        "splits": {split: _paths(parts[split], classes) for split in SPLITS},
        "duplicates": [
            {**_group(members), "class": members[0].class_name, "split": split_of[members[0].path]}
            for members in alike
        ],
        "contradictions": [
            {**_group(members), "classes": sorted({photo.class_name for photo in members})}
            for members in contradictions
        ],
        "given_split": bool(given),
        "across": [_group(members) for members in alike if _divided(members, split_of)],
        "origin": dict(origin or {}),
        "new": _new(parts, classes, earlier or {}),
        "backgrounds": [photo.path for photo in backgrounds],
        "views": [{"photos": len(members), "first": members[0].path} for members in views],
        "items": {
            f"{split}/{name}/{stored_name(index, photo)}": list(boxes[photo.path])
            for split, name, index, photo in every
            if boxes and photo.path in boxes
        },
        "empty": [photo.path for photo in empty],
        "rejected": [{"file": item.path, "reason": item.reason} for item in rejected],
    }


def _paths(by_class: Mapping[str, Sequence[Photo]], classes: Sequence[str]) -> list[str]:
    return [photo.path for name in classes for photo in by_class[name]]


def _new(
    parts: Mapping[str, Mapping[str, Sequence[Photo]]],
    classes: Sequence[str],
    earlier: Mapping[str, str],
) -> dict[str, list[str]]:
    if not earlier:
        return {}
    return {
        split: [path for path in _paths(parts[split], classes) if path not in earlier]
        for split in SPLITS
    }


def _divided(members: Sequence[Photo], split_of: Mapping[str, str]) -> bool:
    """Whether photos that are alike are in several splits."""
    return len({split_of[photo.path] for photo in members}) > 1


def placed(
    parts: Mapping[str, Mapping[str, list[Photo]]],
) -> Iterator[tuple[str, str, int, Photo]]:
    """Split, class, number within the class, and photo."""
    for split, by_class in parts.items():
        for name, members in by_class.items():
            for index, photo in enumerate(members):
                yield split, name, index, photo


def _digest(every: Sequence[tuple[str, str, int, Photo]], backgrounds: Sequence[Photo]) -> str:
    lines = sorted(f"{split}\t{name}\t{one.digest}\t{one.path}\n" for split, name, _, one in every)
    lines += sorted(f"{BACKGROUND}\t{one.digest}\t{one.path}\n" for one in backgrounds)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _group(members: Sequence[Photo]) -> dict[str, Any]:
    return {
        "files": [photo.path for photo in members],
        "same_pixels": len({photo.pixels for photo in members}) == 1,
    }
