# SPDX-License-Identifier: Apache-2.0
"""Divides photos into training, validation and test without similar photos on two sides.

Neighbouring file numbers and photos taken within seconds are often shots of one object, and a copy
is the same photo twice. Either on both sides of a split would flatter the accuracy by a point or
two, so they stay together.
"""

import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.dataset.groups import AT_ONCE, groups_of
from training.dataset.listing import SPLITS
from training.dataset.photos import Photo
from training.dataset.sources import natural
from training.sagemaker_job import StepError

_A_FEW = 3
_FEWEST_TO_DIVIDE = 5
"""New groups of a class that are divided; fewer are all learned from."""
_STRICTEST_FIRST = ("test", "validation", "train")


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
    photos gets some of its training photos there. The other photos of such a class are new: one
    that is like a kept photo, or was taken right before or after it, follows it; the rest are
    divided among themselves by the shares, so that they have test photos of their own. Also
    returned: by class, how many groups were dealt and how long a run of neighbours was. Raises
    StepError naming the class that has too few different photos.
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
    dealer = _Dealer(
        photos, original, [photo.taken for photo in photos], given or {}, shares or Shares(), seed
    )
    for name, positions in sorted(by_class.items()):
        different = len({original[position] for position in positions})
        if different < minimum_photos:
            raise StepError(
                f"class {name!r}: {different} usable different photos; at least {minimum_photos} "
                "are needed"
            )
        dealt, dealing[name] = dealer.deal(name, positions)
        for split in SPLITS:
            result[split][name] = [photos[one] for one in dealt[split]]
    return result, dealing


@dataclass(frozen=True)
class _Dealer:
    """Divides classes. ``original`` has, by position, equal values for photos that are alike."""

    photos: Sequence[Photo]
    original: Sequence[int]
    taken: Sequence[float | None]
    given: Mapping[str, str]
    shares: Shares
    seed: int

    def deal(
        self, name: str, positions: Sequence[int]
    ) -> tuple[dict[str, list[int]], dict[str, Any]]:
        """The positions of a class by split, in the order given, and how they were dealt."""
        kept, pool, fresh = _kept(
            positions, [self.given.get(self.photos[one].path) for one in positions]
        )
        missing = [split for split in SPLITS if split not in kept]
        if len({self.original[one] for one in pool}) < len(missing):
            pool, fresh = [one for one in positions if one in {*pool, *fresh}], []
        dealt, told = _divide_class(
            name,
            [self.original[one] for one in pool],
            [self.taken[one] for one in pool],
            missing=missing,
            shares=self.shares,
            seed=self.seed,
        )
        kept |= {split: [pool[index] for index in members] for split, members in dealt.items()}
        if not fresh:
            return kept, told
        added = _Added(self.original, self.taken, kept)
        more = added.divide(fresh, shares=self.shares, seed=f"{self.seed}/{name}")
        ranks = {position: rank for rank, position in enumerate(positions)}
        return (
            {split: sorted(kept[split] + more[split], key=ranks.__getitem__) for split in SPLITS},
            {**told, "new": {split: len(more[split]) for split in SPLITS}},
        )


def _divide_class(
    name: str,
    same: Sequence[int],
    taken: Sequence[float | None],
    *,
    missing: Sequence[str],
    shares: Shares,
    seed: int,
) -> tuple[dict[str, list[int]], dict[str, Any]]:
    """Deal the photos of a class, by index, to the splits that have none yet; what was done."""
    if len(set(same)) < len(missing):
        raise StepError(
            f"class {name!r}: {len(set(same))} different photos for {' and '.join(missing)}, "
            "as the dataset divides it; put more of them into train"
        )
    groups, length = groups_of(same, taken)
    wanted = shares.wanted(len(same))
    dealt = _deal(groups, {split: wanted[split] for split in missing}, f"{seed}/{name}")
    found = {split: sorted(members) for split, members in dealt.items()}
    return found, {"groups": len(groups), "neighbours": length}


def _kept(
    positions: Sequence[int], given: Sequence[str | None]
) -> tuple[dict[str, list[int]], list[int], list[int]]:
    """Positions whose split is given as validation or test; those to be dealt; the new ones.

    Where no split of the class is given, nothing is new: all are dealt.
    """
    kept: dict[str, list[int]] = defaultdict(list)
    pool: list[int] = []
    fresh: list[int] = []
    for position, split in zip(positions, given, strict=True):
        if split is None:
            fresh.append(position)
        else:
            (pool if split == "train" else kept[split]).append(position)
    return (dict(kept), pool, fresh) if len(fresh) < len(positions) else ({}, fresh, [])


@dataclass(frozen=True)
class _Added:
    """Divides new photos of a class beside those whose split is ``kept`` (positions by split).

    ``original`` has equal values for photos that are alike, ``taken`` the seconds at which they
    were taken.
    """

    original: Sequence[int]
    taken: Sequence[float | None]
    kept: Mapping[str, Sequence[int]]

    def divide(self, fresh: Sequence[int], *, shares: Shares, seed: str) -> dict[str, list[int]]:
        """The new positions by split."""
        parts: dict[str, list[int]] = {split: [] for split in SPLITS}
        groups, _ = groups_of(
            [self.original[one] for one in fresh], [self.taken[one] for one in fresh]
        )
        alone: list[list[int]] = []
        kept = [(split, self._shown_in(split)) for split in _STRICTEST_FIRST]
        for group in ([fresh[index] for index in members] for members in groups):
            # Of several splits the strictest: nothing is learned from what a test photo shows.
            followed = next((split for split, shown in kept if self._any(group, *shown)), None)
            if followed:
                parts[followed] += group
            else:
                alone.append(group)
        if len(alone) < _FEWEST_TO_DIVIDE:
            parts["train"] += [one for group in alone for one in group]
        else:
            wanted = shares.wanted(sum(map(len, alone)))
            for split, members in _deal(alone, wanted, f"{seed}/new").items():
                parts[split] += members
        return parts

    def _shown_in(self, split: str) -> tuple[set[int], list[float]]:
        """What the kept photos of a split show, and when they were taken."""
        members = self.kept.get(split, ())
        times = (self.taken[one] for one in members)
        return {self.original[one] for one in members}, sorted(
            time for time in times if time is not None
        )

    def _any(self, group: Sequence[int], alike: set[int], times: Sequence[float]) -> bool:
        """Whether a photo of a group is alike to one of them, or was taken right beside it."""
        return any(
            self.original[one] in alike or _close(times, self.taken[one], AT_ONCE) for one in group
        )


def _close(times: Sequence[float], time: float | None, pause: float) -> bool:
    """Whether one of the sorted times is less than ``pause`` seconds away."""
    if time is None:
        return False
    after = bisect_left(times, time)
    return any(abs(one - time) < pause for one in times[max(0, after - 1) : after + 1])


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
