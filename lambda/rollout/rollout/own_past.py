# SPDX-License-Identifier: Apache-2.0
"""The cameras' counts before a rollout, and how much slower they have become since.

Cameras count their items by class since the program started, and the program keeps running when the
model changes. So two messages of telemetry are enough: one from before the rollout, whose counts
and uptime are the camera's past, and a current one, whose increase is what came since.
"""

import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from contracts.fleet import Row

Counts = Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One camera's counts since its program started, and its speed."""

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
        """The counts since ``before``; all of them if the program restarted in between."""
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
    """The cameras' counts before the rollout, by group and thing."""

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


class Pace(NamedTuple):
    """The factors by which the fleet slowed down since the rollout began.

    Exposures are longer at night, whatever the model is.
    """

    fps: float = 1.0
    p99_ms: float = 1.0


UNCHANGED = Pace()
_WITNESSES = 3
"""Minimum number of fleet cameras for measuring the common change of speed."""


def common_pace(fleet: Mapping[str, Counted], now: Mapping[str, Counted]) -> Pace:
    """The median change of the fleet's speed; no change if there are too few cameras."""
    pairs = [
        (before, now[thing])
        for thing, before in fleet.items()
        if thing in now and before.streaming and now[thing].streaming
    ]
    fps = [after.fps / before.fps for before, after in pairs if before.fps]
    p99 = [after.p99_ms / before.p99_ms for before, after in pairs if before.p99_ms]
    return Pace(
        fps=min(1.0, statistics.median(fps)) if len(fps) >= _WITNESSES else 1.0,
        p99_ms=max(1.0, statistics.median(p99)) if len(p99) >= _WITNESSES else 1.0,
    )


def slower(
    before: Counted, now: Counted, *, most_percent: float, pace: Pace = UNCHANGED
) -> Iterator[str]:
    """How a canary became slower while the fleet did not, and whether its frames are bad now."""
    if not (before.streaming and now.streaming):
        return
    most = 1 + most_percent / 100
    if now.fps * most < before.fps * pace.fps:
        yield f"{now.fps:g} frames per second, {before.fps:g} before the rollout"
    if before.p99_ms and now.p99_ms > most * before.p99_ms * pace.p99_ms:
        yield f"latency {now.p99_ms:g} ms (99 %), {before.p99_ms:g} before the rollout"
    came = now.since(before)
    usual = before.bad_frames / before.frames if before.frames else 0.0
    if came.frames and came.bad_frames / came.frames > max(_BAD, most * usual):
        yield f"{came.bad_frames} of {came.frames} frames are bad"


_BAD = 0.1
"""The share of bad frames that is tolerated."""
