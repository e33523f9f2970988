# SPDX-License-Identifier: Apache-2.0
"""Do canaries report more or fewer items, of a class or in all, than the same cameras did before?

Cameras count their items since the program's start, by class, and the program outlives a model. So
two messages of telemetry tell all: one from before the rollout, whose counts and uptime are the
camera's past, and one from now, whose growth is what came since.

The hour, the weather and the season change what every camera sees. Therefore the fleet, which has
the old model, is asked too: with ``expected`` items by each group's own past, an item that comes is
a canary's with odds of ``expected(canaries) : expected(fleet)``, whatever the hour. Places differ
as well: odds of up to ``ROOM`` times that are taken for chance. Against that stands ``FAR`` times.
The likelihood ratio of the two is at most 1 in the mean for all odds that are within the room, and
so is the average over all classes and both directions: it reaches ``1 / false_alarms`` with a
probability of at most ``false_alarms``, however often one looks (Ville's inequality).
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.fleet import Row

ROOM, FAR = 2.0, 8.0
"""How much more or less often than by its past a canary may report something: twice, and that is
the place; eight times, and it is the model."""
ENOUGH = 30
"""Items that each group must have reported before, to be compared with."""
_DAY_SECONDS = 86_400.0
ALL = "items"
_DIRECTIONS = 2
_PRIOR = 5.0
"""Items of the whole fleet's mix that are added to what each camera reported: a class that it never
saw is not impossible there."""

Counts = Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What one camera counted since its program's start, and how fast it was."""

    seconds: float
    items: int
    fps: float
    p99_ms: float
    streaming: bool
    frames: int = 0
    bad_frames: int = 0
    classes: Counts = field(default_factory=dict)

    @classmethod
    def of(cls, telemetry: Row) -> "Counted":
        return cls(
            seconds=float(telemetry.get("uptime_s", 0)),
            items=int(telemetry.get("detections", 0)),
            fps=float(telemetry["fps"]),
            p99_ms=float(telemetry["p99_ms"]),
            streaming=telemetry.get("source_state") == "streaming",
            frames=int(telemetry.get("frames", 0)),
            bad_frames=int(telemetry.get("bad_frames", 0)),
            classes={name: int(count) for name, count in (telemetry.get("classes") or {}).items()},
        )

    def since(self, before: "Counted") -> "Counted":
        """What came after ``before``; all of it where the program was started again meanwhile."""
        if self.seconds < before.seconds or self.items < before.items:
            return self
        grown = {name: n - before.classes.get(name, 0) for name, n in self.classes.items()}
        return Counted(
            seconds=self.seconds - before.seconds,
            items=self.items - before.items,
            fps=self.fps,
            p99_ms=self.p99_ms,
            streaming=self.streaming,
            frames=self.frames - before.frames,
            bad_frames=self.bad_frames - before.bad_frames,
            classes={name: count for name, count in grown.items() if count > 0},
        )


@dataclass(frozen=True, kw_only=True)
class Past:
    """What cameras had counted before the rollout, by group and thing."""

    canary: Mapping[str, Counted] = field(default_factory=dict)
    fleet: Mapping[str, Counted] = field(default_factory=dict)

    def text(self) -> str:
        groups = {"canary": self.canary, "fleet": self.fleet}
        return json.dumps(
            {
                name: {thing: vars(one) for thing, one in sorted(group.items())}
                for name, group in groups.items()
            },
            separators=(",", ":"),
        )

    @classmethod
    def read(cls, text: str | None) -> "Past":
        known: dict[str, dict[str, Any]] = json.loads(text or "{}")
        return cls(
            **{
                name: {thing: Counted(**one) for thing, one in group.items()}
                for name, group in known.items()
            }
        )


@dataclass(kw_only=True)
class _Sum:
    """A group: what it reported before, what its past makes expect since, and what came."""

    before: int = 0
    expected: dict[str, float] = field(default_factory=dict)
    came: dict[str, int] = field(default_factory=dict)


def unlike(past: Past, now: Mapping[str, Counted], *, classes: int, false_alarms: float) -> str:
    """What canaries report far more or far less often than by their past; empty: nothing.

    ``now``: the cameras that are awake. ``classes``: how many there may be, seen or not.
    """
    mix, least = _mix(past), _least_seconds(past)
    canary, fleet = (
        _sum({thing: one for thing, one in group.items() if one.seconds >= least}, now, mix)
        for group in (past.canary, past.fleet)
    )
    if min(canary.before, fleet.before) < ENOUGH:
        return ""
    ratios = dict(_ratios(canary, fleet))
    hypotheses = _DIRECTIONS * (1 + max(classes, len(mix)))
    rest = hypotheses - len(ratios)
    if (sum(ratios.values()) + rest) / hypotheses < 1 / false_alarms:
        return ""
    name, more = max(ratios, key=lambda key: ratios[key])
    came, others = canary.came.get(name, 0), fleet.came.get(name, 0)
    expected = others * canary.expected[name] / fleet.expected[name]
    what = "items" if name == ALL else f"{name!r}"
    comparison = f"the fleet has {others}, so {expected:.0f} were to be expected"
    how = "more" if more else "less"
    return f"canaries report {what} far {how} often than before: {came} times; {comparison}"


def slower(before: Counted, now: Counted, *, most_percent: float) -> Iterator[str]:
    """How a canary is slower than it was, and whether frames have become bad."""
    if not (before.streaming and now.streaming):
        return
    most = 1 + most_percent / 100
    if now.fps * most < before.fps:
        yield f"{now.fps:g} frames per second, {before.fps:g} before the rollout"
    if before.p99_ms and now.p99_ms > most * before.p99_ms:
        yield f"latency {now.p99_ms:g} ms (99 %), {before.p99_ms:g} before the rollout"
    came = now.since(before)
    usual = before.bad_frames / before.frames if before.frames else 0.0
    if came.frames and came.bad_frames / came.frames > max(_BAD, most * usual):
        yield f"{came.bad_frames} of {came.frames} frames are bad"


_BAD = 0.1
"""The share of bad frames that no camera has to explain."""


def _least_seconds(past: Past) -> float:
    """How long a camera's past must be: one that began this noon does not know the nights, which
    counts as long as others do."""
    seconds = [one.seconds for one in (*past.canary.values(), *past.fleet.values())]
    return min(_DAY_SECONDS, max(seconds, default=0.0) / 2)


def _mix(past: Past) -> dict[str, float]:
    """The share of each class in all that was reported before."""
    counts: dict[str, float] = {}
    for one in (*past.canary.values(), *past.fleet.values()):
        for name, count in one.classes.items():
            counts[name] = counts.get(name, 0.5) + count
    total = sum(counts.values())
    return {name: count / total for name, count in counts.items()}


def _sum(
    group: Mapping[str, Counted], now: Mapping[str, Counted], mix: Mapping[str, float]
) -> _Sum:
    found = _Sum()
    for thing, before in group.items():
        if thing not in now or before.seconds <= 0:
            continue
        came = now[thing].since(before)
        part = came.seconds / before.seconds
        found.before += before.items
        _add(found, ALL, part * before.items, came.items)
        for name in mix.keys() | came.classes.keys():
            usual = before.classes.get(name, 0) + _PRIOR * mix.get(name, 0.01)
            _add(found, name, part * usual, came.classes.get(name, 0))
    return found


def _add(found: _Sum, name: str, expected: float, came: int) -> None:
    found.expected[name] = found.expected.get(name, 0.0) + expected
    found.came[name] = found.came.get(name, 0) + came


def _ratios(canary: _Sum, fleet: _Sum) -> Iterator[tuple[tuple[str, bool], float]]:
    """By what is counted and the direction (True: more), how much likelier ``FAR`` is."""
    for name, expected in canary.expected.items():
        others = fleet.expected.get(name, 0.0)
        if expected <= 0 or others <= 0:
            continue
        odds = expected / others
        came = (canary.came.get(name, 0), fleet.came.get(name, 0))
        yield (name, True), _ratio(*came, odds=odds * ROOM, far=odds * FAR)
        yield (name, False), _ratio(*came, odds=odds / ROOM, far=odds / FAR)


def _ratio(canary: int, fleet: int, *, odds: float, far: float) -> float:
    ours, theirs = far / (1 + far), 1 / (1 + far)
    usual_ours, usual_theirs = odds / (1 + odds), 1 / (1 + odds)
    exponent = canary * math.log(ours / usual_ours) + fleet * math.log(theirs / usual_theirs)
    return math.exp(min(exponent, 700))
