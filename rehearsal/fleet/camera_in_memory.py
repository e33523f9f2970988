# SPDX-License-Identifier: Apache-2.0
"""A camera in simulated time, as the rollout sees it: components, telemetry and items."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.fleet import DETECTION, TELEMETRY, Row
from contracts.telemetry import UNSURE
from rehearsal.fleet.generator import CLASSES, ITEMS_PER_HOUR

GOOD, BROKEN, SLOW, REFUSED, CRASHES, ONE_CLASS = (
    "good",
    "broken",
    "slow",
    "refuses to load",
    "crashes after ten minutes",
    "answers one class",
)
KINDS = (GOOD, BROKEN, SLOW, REFUSED, CRASHES, ONE_CLASS)
NOT_TAKEN = (BROKEN, REFUSED)
"""Models that the camera program refuses: it keeps the previous one."""
CRASH_SECONDS = 600
BROKEN_AFTER = 3
"""Errors after which a nucleus no longer restarts a component."""
TELEMETRY_SECONDS = 60
DAYS_BEFORE = 3


@dataclass(kw_only=True)
class CameraInMemory:
    """One camera. ``asleep``: it has no power during the whole rollout."""

    thing: str
    seed: int
    asleep: bool = False
    program: str = ""
    unsure_below: float = 0.5
    kind: str = GOOD
    _crashes: list[datetime] = field(default_factory=list)
    _began: datetime | None = None
    _first: datetime | None = None
    _changed: datetime | None = None
    _state: str = "RUNNING"
    _items: dict[str, int] = field(default_factory=dict)
    _frames: float = 0.0
    _since_telemetry: float = 0.0

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed}/{self.thing}")  # noqa: S311 - a simulation
        self._weights = [self._chance.uniform(0.5, 1.0) for _ in CLASSES]
        self._since_telemetry = self._chance.uniform(0, TELEMETRY_SECONDS)
        # It has run for days when the rollout begins.
        for _ in range(round(ITEMS_PER_HOUR * 24 * DAYS_BEFORE)):
            self._item()
        self._frames = self._fps * 86_400 * DAYS_BEFORE

    def take(self, kind: str, now: datetime) -> bool:
        """Adopt a model; False if the program refuses it and keeps the previous one."""
        if kind in NOT_TAKEN:
            return False
        self.kind, self._changed, self._state = kind, now, "RUNNING"
        self._crashes = []
        self._began = now
        return True

    def components(self, now: datetime) -> dict[str, dict[str, Any]]:
        """The model and the program, as a nucleus reports them."""
        self._crash(now)
        changed = self._changed or now
        model = {"lifecycleState": "RUNNING", "lastStatusChangeTimestamp": changed}
        return {"model": model, "program": {**model, "lifecycleState": self._state}}

    def rows(self, now: datetime, step: float) -> Iterator[Row]:
        """The messages of this step."""
        self._crash(now)
        if self._state != "RUNNING":
            return
        self._first = self._first or now
        milliseconds = int(now.timestamp() * 1000)
        self._frames += step * self._fps
        hour = now.hour + now.minute / 60
        rate = ITEMS_PER_HOUR * (1 - 0.95 * math.cos(2 * math.pi * hour / 24))
        if self._chance.random() < rate * step / 3600:
            yield {"received_ms": milliseconds, **self._item()}
        self._since_telemetry += step
        if self._since_telemetry >= TELEMETRY_SECONDS:
            self._since_telemetry -= TELEMETRY_SECONDS
            yield {"received_ms": milliseconds, **self._telemetry(now)}

    @property
    def _fps(self) -> float:
        return 0.4 if self.kind == SLOW else 15.0

    def _item(self) -> dict[str, Any]:
        label = self._chance.choices(CLASSES, self._weights)[0]
        # One answer for everything, whichever camera: the model's, not the place's.
        label = CLASSES[self.seed % len(CLASSES)] if self.kind == ONE_CLASS else label
        confidence = self._chance.betavariate(6, 1.6)
        counted = label if confidence >= self.unsure_below else UNSURE
        self._items[counted] = self._items.get(counted, 0) + 1
        return {"thing": self.thing, "kind": DETECTION, "class": label, "confidence": confidence}

    def _telemetry(self, now: datetime) -> dict[str, Any]:
        return {
            "thing": self.thing,
            "kind": TELEMETRY,
            "fps": self._fps,
            "p99_ms": 2600.0 if self.kind == SLOW else 90.0,
            "source_state": "streaming",
            "problem": None,
            "model": {"digest": "d", "version": "1.0.2"},
            "frames": int(self._frames),
            "bad_frames": 0,
            "detections": sum(self._items.values()),
            "classes": dict(self._items),
            "uptime_s": self._uptime(now),
        }

    def _uptime(self, now: datetime) -> float:
        """The program outlives a model; only a crash ends it."""
        if self._crashes or self._first is None:
            return (now - (self._began or now)).total_seconds()
        return 86_400 * DAYS_BEFORE + (now - self._first).total_seconds()

    def _restarted(self, now: datetime) -> None:
        self._began = now
        self._frames = 0.0
        self._items = {}

    def _crash(self, now: datetime) -> None:
        """Crash whenever the program has run for ten minutes, until it is no longer restarted."""
        if self.kind != CRASHES or self._began is None or self._state == "BROKEN":
            return
        ran = (now - self._began).total_seconds()
        if ran >= CRASH_SECONDS:
            # A nucleus starts it again within seconds: no look sees it stand still.
            self._crashes.append(now)
            self._changed = now
            self._restarted(now)
            if len(self._crashes) >= BROKEN_AFTER:
                self._state = "BROKEN"
