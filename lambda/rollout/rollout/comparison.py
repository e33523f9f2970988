# SPDX-License-Identifier: Apache-2.0
"""Detects canaries that report more or fewer items, of a class or in total, than they did before.
Each camera is compared with its own past; the fleet, which keeps the old model, shows changes that
affect all cameras, such as the hour or the weather. Two things are compared: each class's share of
a camera's items, and its number of items. What a camera saw before is the prior for what it sees
now:

- A share is beta-binomial. Its mean is the camera's share before, and its strength the number of
  items before, plus ``PLACE`` items of the mix of all cameras: a place without a past may differ
  widely. A number of items is negative binomial in the same way.
- Places change, and items come in bursts. A strength is therefore at most ``SPREADS`` items; the
result is averaged over one value for the canaries and one for the fleet. So the evidence of one
camera is bounded, and there is strong evidence only if canaries agree.
- The common change of the odds is averaged over ``COMMON``; the fleet's items determine the
weights.
- A past may contain the answers of a bad model that was rolled back. So a class counts only if its
odds also differ from the fleet's current odds, by more than ``ROOM`` and in the same direction.

Under the null hypothesis canaries change by the common change times at most ``ROOM``; the most
likely value is used. The alternative is a change by ``FAR``, averaged. The likelihood ratio of the
two is at most a martingale under the null hypothesis with these priors, and so is the average of
the ratios of all classes and directions: it reaches ``1 / false_alarms`` with a probability of at
most ``false_alarms``, for any number of looks (Ville's inequality).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rollout.own_past import Counted, Past

PLACE = 2.0
"""Items of the mix of all cameras that are added to each camera's past."""
SPREADS = (5.0, 15.0, 50.0)
_STEP = math.log(2) / 2
COMMON = range(-10, 9)
"""Common changes, in steps of the square root of two: from 1/32 to 16."""
ROOM = (-2, 0, 2)
"""From half to twice as much, in the same steps: differences between places."""
FAR = (6, 12)
"""8 and 64 times as much: differences caused by the model."""
ENOUGH = 30
"""The number of items is compared only if each group reported this many before."""
ITEMS = "items"
_GATE = 1.5
"""Lower ratios are not evidence and count as 0, which only lowers the average."""
_DAY_SECONDS = 86_400.0
_DIRECTIONS = 2
_UNSEEN = 0.5


class _Camera(NamedTuple):
    """``usual``: share or number of items by the camera's past, worth ``strength`` items.

    ``came``: items of the class, or all items. ``total``: items of all classes; 0 when numbers are
    compared.
    """

    usual: float
    strength: float
    came: int
    total: int


class _Group(NamedTuple):
    cameras: Sequence[_Camera]
    expected: float
    came: int

    @property
    def odds(self) -> float:
        """The odds of the class among all items."""
        others = sum(one.total for one in self.cameras) - self.came
        return (self.came + _UNSEEN) / (others + _UNSEEN)


Likelihood = Callable[[_Camera, float, float], float]


def unlike(past: Past, now: Mapping[str, Counted], *, classes: int, false_alarms: float) -> str:
    """What canaries report far more or less often than in their past; empty if nothing. ``now``:

    the current counts of awake cameras. ``classes``: the largest possible number of classes.
    ``false_alarms``: the probability of a finding, over all looks, if both models behave alike.
    """
    compared = list(_compared(past, now, classes))
    hypotheses = _DIRECTIONS * max(1 + classes, len(compared))
    found: list[tuple[float, str]] = []
    for name, likelihood, canary, fleet in compared:
        common = (fleet.came + _UNSEEN) / (fleet.expected + _UNSEEN)
        expected = canary.expected * common
        more = canary.came > expected
        if max(canary.came, expected) <= _GATE * min(canary.came, expected):
            continue
        if name != ITEMS and not _apart(canary, fleet, more=more):
            continue
        ratio = _ratio(canary.cameras, fleet.cameras, likelihood, 1 if more else -1)
        what = ITEMS if name == ITEMS else f"{name!r}"
        how = "more" if more else "less"
        said = f"canaries report {what} far {how} often than before: {canary.came} times; "
        said += f"the fleet has {fleet.came}, so {expected:.0f} were expected"
        found.append((ratio, said))
    if sum(ratio for ratio, _ in found) / hypotheses < 1 / false_alarms:
        return ""
    return max(found)[1]


def _apart(canary: _Group, fleet: _Group, *, more: bool) -> bool:
    """Whether a class is also more (less) likely among the canaries' items than in the fleet's."""
    ratio = canary.odds / fleet.odds
    return (ratio if more else 1 / ratio) > math.exp(max(ROOM) * _STEP)


def _compared(
    past: Past, now: Mapping[str, Counted], classes: int
) -> Iterator[tuple[str, Likelihood, _Group, _Group]]:
    """The values to compare, of canaries and of the fleet."""
    groups = [_came(group, now) for group in (past.canary, past.fleet)]
    if all(any(came.classes for _, came in group) for group in groups):
        mix, unseen = _mix(past, classes)
        named = {name for group in groups for _, came in group for name in came.classes}
        for name in sorted(mix.keys() | named):
            usual = mix.get(name, unseen)
            canary, fleet = (_group(_shares(group, name, usual)) for group in groups)
            yield name, _log_share, canary, fleet
    least = _least_seconds(past)
    old = [
        {thing: one for thing, one in group.items() if one.seconds >= least and thing in now}
        for group in (past.canary, past.fleet)
    ]
    if min(sum(one.items for one in group.values()) for group in old) >= ENOUGH:
        canary, fleet = (_group(_numbers(_came(group, now))) for group in old)
        yield ITEMS, _log_number, canary, fleet


def _came(
    group: Mapping[str, Counted], now: Mapping[str, Counted]
) -> list[tuple[Counted, Counted]]:
    """Each camera's counts before, and the items since."""
    return [(one, now[thing].since(one)) for thing, one in group.items() if thing in now]


def _group(cameras: Iterable[_Camera]) -> _Group:
    found = list(cameras)
    expected = sum(one.usual * (one.total or 1) for one in found)
    return _Group(found, expected, sum(one.came for one in found))


def _shares(group: Sequence[tuple[Counted, Counted]], name: str, usual: float) -> Iterator[_Camera]:
    for before, came in group:
        total = sum(came.classes.values())
        if total:
            strength = sum(before.classes.values()) + PLACE
            share = (before.classes.get(name, 0) + PLACE * usual) / strength
            yield _Camera(share, strength, came.classes.get(name, 0), total)


def _numbers(group: Sequence[tuple[Counted, Counted]]) -> Iterator[_Camera]:
    for before, came in group:
        if before.seconds > 0 and came.seconds > 0:
            strength = before.items + _UNSEEN
            yield _Camera(strength * came.seconds / before.seconds, strength, came.items, 0)


def _mix(past: Past, classes: int) -> tuple[dict[str, float], float]:
    """The share of each class in all earlier items, and the share of an unseen class."""
    counts: dict[str, float] = {}
    for one in (*past.canary.values(), *past.fleet.values()):
        for name, count in one.classes.items():
            counts[name] = counts.get(name, _UNSEEN) + count
    total = sum(counts.values()) + _UNSEEN * max(1, classes - len(counts))
    return {name: count / total for name, count in counts.items()}, _UNSEEN / total


def _least_seconds(past: Past) -> float:
    """How long a camera's past must be to predict its number of items.

    A camera that started at noon has no night in its past, which matters if others do.
    """
    seconds = [one.seconds for one in (*past.canary.values(), *past.fleet.values())]
    return min(_DAY_SECONDS, max(seconds, default=0.0) / 2)


def _ratio(
    canary: Sequence[_Camera], fleet: Sequence[_Camera], likelihood: Likelihood, sign: int
) -> float:
    """How much likelier ``FAR`` is than ``ROOM``; ``sign``: -1 for less often."""

    def spread_out(cameras: Sequence[_Camera], step: int) -> float:
        sums = (sum(likelihood(one, step * _STEP, spread) for one in cameras) for spread in SPREADS)
        return _log_mean(list(sums))

    steps = {sign * far + common for far in (*FAR, *ROOM) for common in COMMON}
    ours = {step: spread_out(canary, step) for step in steps}
    theirs = {step: spread_out(fleet, step) for step in COMMON}

    def joint(change: int) -> float:
        return _log_mean([theirs[step] + ours[step + sign * change] for step in COMMON])

    usual = max(joint(change) for change in ROOM)
    return math.exp(min(_log_mean([joint(change) for change in FAR]) - usual, 700))


def _log_mean(logarithms: Sequence[float]) -> float:
    most = max(logarithms)
    return most + math.log(sum(math.exp(one - most) for one in logarithms) / len(logarithms))


def _strength(camera: _Camera, spread: float) -> float:
    """The weight of a past, which is uncertain itself and may change."""
    return 1 / (1 / spread + 1 / camera.strength)


def _log_share(camera: _Camera, change: float, spread: float) -> float:
    """Log likelihood of the class's share of items: beta-binomial, with the odds changed."""
    strength = _strength(camera, spread)
    odds = math.exp(change) * camera.usual / (1 - camera.usual)
    hits = max(strength * odds / (1 + odds), 1e-9)
    misses = max(strength / (1 + odds), 1e-9)
    log = math.lgamma
    return (
        log(hits + camera.came)
        - log(hits)
        + log(misses + camera.total - camera.came)
        - log(misses)
        + log(hits + misses)
        - log(hits + misses + camera.total)
    )


def _log_number(camera: _Camera, change: float, spread: float) -> float:
    """Log likelihood of the number of items: negative binomial, rate changed, without constants."""
    strength = _strength(camera, spread)
    mean = math.exp(change) * camera.usual
    return (
        math.lgamma(strength + camera.came)
        - math.lgamma(strength)
        - strength * math.log1p(mean / strength)
        + camera.came * math.log(mean / (strength + mean))
    )
