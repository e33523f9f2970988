# SPDX-License-Identifier: Apache-2.0
"""Divides photos into training, validation and test without similar photos on two sides.

Neighbouring file numbers and photos taken within seconds are often shots of one object, and a copy
is the same photo twice. Either on both sides of a split would flatter the accuracy by a point or
two, so they stay together.
"""

import random
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np

from training.dataset.duplicates import components
from training.dataset.listing import SPLITS
from training.dataset.photos import Photo
from training.dataset.sources import natural
from training.sagemaker_job import StepError

_BLOCK_LENGTHS = (10, 7, 5, 4, 3, 2, 1)
_BLOCKS_WANTED = 20
_PAUSES = (10.0, 5.0, 2.0, 0.0)
"""Seconds: shots that follow each other faster are of one object."""
_LARGEST_GROUP = 0.4
_A_FEW = 3


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much of each class goes to validation and to the test; training gets the rest."""

    validation: float = 0.08
    test: float = 0.12

    def __post_init__(self) -> None:
        for name, value in (("validation", self.validation), ("test", self.test)):
            if not 0.02 <= value <= 0.4:
                raise StepError(f"{name}-share = {value}; allowed: 0.02 to 0.4")

    def to_json(self) -> dict[str, float]:
        """Split to share; they add up to 1."""
        train = round(1 - self.validation - self.test, 6)
        return {"train": train, "validation": self.validation, "test": self.test}

    def wanted(self, count: int) -> dict[str, float]:
        """How many of ``count`` photos each split should get.

        A share of a small class may be less than one photo; validation and test then get up to
        three, because they say nothing with fewer.
        """
        few = min(_A_FEW, count // 5)
        wanted = {name: max(getattr(self, name) * count, few) for name in ("validation", "test")}
        return {"train": count - sum(wanted.values()), **wanted}


def divide(
    photos: Sequence[Photo],
    *,
    seed: int,
    minimum_photos: int,
    shares: Shares | None = None,
    alike: Collection[Sequence[int]] = (),
    given: Mapping[str, str] | None = None,
) -> tuple[dict[str, dict[str, list[Photo]]], dict[str, Any]]:
    """``{split: {class: photos}}``: every class in every split, as near to the shares as can be.

    ``alike`` has the positions of photos that must stay in one split. ``given`` are splits by path
    that are kept as they are, copies or not; a class that they leave without validation or test
    photos gets some of its training photos there. Also returned: by class, how many groups were
    dealt and how long a run of neighbours was. Raises StepError naming the class that has too few
    different photos.
    """
    original = list(range(len(photos)))
    for members in alike:
        for position in members:
            original[position] = members[0]
    by_class: dict[str, list[int]] = defaultdict(list)
    for position in sorted(range(len(photos)), key=lambda index: natural(photos[index].path)):
        by_class[photos[position].class_name].append(position)
    result: dict[str, dict[str, list[Photo]]] = {split: {} for split in SPLITS}
    dealing: dict[str, Any] = {}
    for name, positions in sorted(by_class.items()):
        different = len({original[position] for position in positions})
        if different < minimum_photos:
            raise StepError(
                f"class {name!r}: {different} usable different photos; at least {minimum_photos} "
                "are needed"
            )
        kept, pool = _kept(positions, [(given or {}).get(photos[one].path) for one in positions])
        dealt, dealing[name] = _divide_class(
            name,
            [original[one] for one in pool],
            [photos[one].taken for one in pool],
            missing=[split for split in SPLITS if split not in kept],
            shares=shares or Shares(),
            seed=seed,
        )
        kept |= {split: [pool[index] for index in members] for split, members in dealt.items()}
        for split in SPLITS:
            result[split][name] = [photos[one] for one in kept[split]]
    return result, dealing


def _divide_class(
    name: str,
    same: Sequence[int],
    taken: Sequence[float | None],
    *,
    missing: Sequence[str],
    shares: Shares,
    seed: int,
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """Deal the photos of a class, by index, to the splits that have none yet; what was done."""
    if len(set(same)) < len(missing):
        raise StepError(
            f"class {name!r}: {len(set(same))} different photos for {' and '.join(missing)}, "
            "as the dataset divides it; put more of them into train"
        )
    groups, length = _groups(same, taken)
    wanted = shares.wanted(len(same))
    dealt = _deal(groups, {split: wanted[split] for split in missing}, f"{seed}/{name}")
    found = {split: sorted(members) for split, members in dealt.items()}
    return found, {"groups": len(groups), "neighbours": length}


def _kept(
    positions: Sequence[int], given: Sequence[str | None]
) -> tuple[dict[str, list[int]], list[int]]:
    """Positions whose split is given as validation or test, and the rest, to be dealt."""
    kept: dict[str, list[int]] = defaultdict(list)
    pool: list[int] = []
    for position, split in zip(positions, given, strict=True):
        (kept[split] if split and split != "train" else pool).append(position)
    return dict(kept), pool


def _groups(same: Sequence[int], taken: Sequence[float | None]) -> tuple[list[list[int]], int]:
    """Indices that must stay together, and the length of the runs of neighbours used.

    ``same`` has equal values for photos that are alike, ``taken`` the seconds at which they were
    taken. A run is joined to all runs that hold a photo like one of its own, or one taken right
    before or after one of its own. With many copies strewn over a class, or a camera that took one
    every other second, that would join everything into one; runs are then cut shorter, and the
    pause that parts two objects as well, until the largest group leaves room for the other splits.
    """
    count = len(same)
    longest = max(1, min(_BLOCK_LENGTHS[0], len(set(same)) // _BLOCKS_WANTED))
    groups: list[list[int]] = []
    lengths = (longest, *(one for one in _BLOCK_LENGTHS if one < longest))
    pauses = _PAUSES if any(one is not None for one in taken) else (0.0,)
    for pause, length in product(pauses, lengths):
        first_of: dict[int, int] = {}
        links = [(index, index - index % length) for index in range(count)]
        links += _bursts(taken, pause)
        links += [(index, first_of.setdefault(one, index)) for index, one in enumerate(same)]
        columns = np.array(links, np.intp).T
        found: dict[int, list[int]] = defaultdict(list)
        for index, group in enumerate(components(count, columns[0], columns[1])):
            found[int(group)].append(index)
        groups = list(found.values())
        if len(groups) >= len(SPLITS) and max(map(len, groups)) <= _LARGEST_GROUP * count:
            return groups, length
    return groups, 1


def _bursts(taken: Sequence[float | None], pause: float) -> list[tuple[int, int]]:
    """Pairs of indices of photos that follow each other in less than ``pause`` seconds."""
    times = sorted((time, index) for index, time in enumerate(taken) if time is not None)
    return [
        (one, other) for (before, one), (after, other) in pairwise(times) if after - before < pause
    ]


def _deal(
    groups: Sequence[list[int]], wanted: Mapping[str, float], seed: str
) -> dict[str, list[int]]:
    """Deal groups, the largest first, each to the split that lacks most; no split stays empty."""
    rest = list(groups)
    random.Random(seed).shuffle(rest)  # noqa: S311 - a reproducible split, not a secret
    rest.sort(key=len)  # stable: groups of one size stay shuffled
    parts: dict[str, list[int]] = {split: [] for split in wanted}
    while rest:
        empty = [split for split in wanted if not parts[split]]
        choice = empty if len(rest) <= len(empty) else list(wanted)
        lacking = {split: wanted[split] - len(parts[split]) for split in choice}
        parts[max(choice, key=lacking.__getitem__)].extend(rest.pop())
    return parts
