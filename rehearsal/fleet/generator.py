# SPDX-License-Identifier: Apache-2.0
"""The events and faults of a fleet's cameras, from a seed.

Pure: the same seed, cameras and hours give the same events and faults on any machine.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.bins import BinPolicy
from contracts.detection import Detection
from contracts.messages import ModelName, timestamp
from contracts.telemetry import Telemetry

START_HOUR = 8
START = datetime(2026, 6, 1, START_HOUR, tzinfo=UTC)
"""The first simulated moment: a Monday morning."""
CLASSES = ("cardboard", "glass", "metal", "paper", "plastic", "trash")
ITEMS_PER_HOUR = 12.0
"""The mean over a day of a camera; at noon about twice as many, at night few."""
TELEMETRY_MINUTES = 10
"""A real camera sends once a minute; ten minutes keep simulated days short."""
MOST_MESSAGES = 30_000
"""Of the hours that are played before the rollouts: what the local AWS takes in some minutes."""
_CLOCK_STEPS = (-26 * 3600, -3600, 7200, 400 * 86_400)
"""Seconds: a lost battery, both changes of daylight saving, a wrong year."""

PROGRAM_VERSION = "0.0.0"
"""Of the camera program, which is not installed on generated cameras."""
ITEM, TELEMETRY = "item", "telemetry"
POWER_CUT, FULL_DISK = "power cut", "full disk"
LOST_NETWORK, STEPPED_CLOCK, REVOKED = "lost network", "stepped clock", "revoked certificate"
OF_SITES = (POWER_CUT, FULL_DISK)
OF_CAMERAS = (LOST_NETWORK, STEPPED_CLOCK, REVOKED)
FAULTS = (*OF_SITES, *OF_CAMERAS)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that a camera reports: an item, or its state. ``minute`` is simulated time."""

    minute: float
    kind: str
    label: str = ""
    confidence: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault of a camera, or of all cameras of a site.

    From the beginning of the tick ``begins`` to that of ``ends``; a power cut comes in the middle
    of its first tick. ``step_s``: how far a clock is stepped.
    """

    kind: str
    who: int
    begins: int
    ends: int
    step_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often cameras report: items per hour (the mean of a day), minutes between telemetry."""

    items_per_hour: float = ITEMS_PER_HOUR
    telemetry_minutes: int = TELEMETRY_MINUTES


def pace_for(cameras: int, hours: float) -> Pace:
    """The usual pace, or one that keeps these hours below MOST_MESSAGES (a third is telemetry)."""
    hours *= cameras
    minutes = next(
        (one for one in (10, 12, 15, 20, 30) if hours * 60 / one <= MOST_MESSAGES / 3), 60
    )
    items = max(1.0, MOST_MESSAGES / hours - 60 / minutes)
    if items >= ITEMS_PER_HOUR:
        return Pace()
    return Pace(items_per_hour=round(items, 1), telemetry_minutes=minutes)


def site_of(camera: int, per_site: int) -> int:
    """The site of a camera: cameras are numbered site by site."""
    return camera // per_site


def events(
    seed: int, camera: int, *, first: float, last: float, pace: Pace | None = None
) -> Iterator[Event]:
    """What a camera reports from one simulated minute to another (excluded), in order of time.

    Each simulated hour is drawn by itself, so a camera that was off may go on anywhere.
    """
    hours = range(int(first // 60), math.ceil(last / 60))
    pace = pace or Pace()
    for event in (event for hour in hours for event in _hour(seed, camera, hour, pace)):
        if first <= event.minute < last:
            yield event


def _hour(seed: int, camera: int, hour: int, pace: Pace) -> list[Event]:
    chance = random.Random(f"{seed}/{camera}/{hour}")  # noqa: S311 - a simulation
    weights = _weights(seed, camera)
    # Noon is the busiest hour, midnight the quietest.
    rate = pace.items_per_hour * (1 - 0.95 * math.cos(2 * math.pi * (START_HOUR + hour) / 24))
    found, minute = [], 60.0 * hour
    while (minute := minute + chance.expovariate(rate / 60)) < 60 * (hour + 1):
        [label] = chance.choices(CLASSES, weights)
        # Mostly sure: a tenth of the items is below 0.5.
        confidence = round(chance.betavariate(6, 1.6), 4)
        found.append(Event(minute=minute, kind=ITEM, label=label, confidence=confidence))
    offset = random.Random(f"{seed}/{camera}").uniform(0, pace.telemetry_minutes)  # noqa: S311
    for number in range(60 // pace.telemetry_minutes):
        at = 60 * hour + offset + number * pace.telemetry_minutes
        found.append(Event(minute=at, kind=TELEMETRY))
    return sorted(found, key=lambda event: event.minute)


def _weights(seed: int, camera: int) -> list[float]:
    """How often each class occurs at a place: places differ."""
    chance = random.Random(f"{seed}/{camera}/classes")  # noqa: S311 - a simulation
    return [chance.uniform(0.3, 1.0) for _ in CLASSES]


def faults(
    seed: int, *, cameras: int, per_site: int, ticks: int, kinds: Sequence[str] = FAULTS
) -> list[Fault]:
    """The faults of a run of so many ticks, by tick.

    Each kind comes at least once; a tenth of the sites and cameras have one of each kind, a
    fiftieth of the cameras lose their certificates. A site or camera has one fault at a time, and
    none in the first and the last tick, so that each can be seen to come back.
    """
    if ticks < 4:
        return []
    chance = random.Random(f"{seed}/faults")  # noqa: S311 - a simulation
    sites = site_of(cameras - 1, per_site) + 1
    free_sites, free_cameras = [*range(sites)], [*range(cameras)]
    chance.shuffle(free_sites)
    found: list[Fault] = []
    for kind in kinds:
        if kind in OF_SITES:
            many = min(math.ceil(sites / 10), len(free_sites))
            chosen = [free_sites.pop() for _ in range(many)]
        else:
            hit = {fault.who for fault in found if fault.kind in OF_SITES}
            left = [one for one in free_cameras if site_of(one, per_site) not in hit]
            share = 50 if kind == REVOKED else 10
            chosen = chance.sample(left, min(math.ceil(cameras / share), len(left)))
            free_cameras = [one for one in free_cameras if one not in chosen]
        for who in chosen:
            begins = chance.randrange(1, ticks - 2)
            ends = ticks if kind == REVOKED else begins + 1 + chance.randrange(0, 2)
            step = chance.choice(_CLOCK_STEPS) if kind == STEPPED_CLOCK else 0
            found.append(Fault(kind=kind, who=who, begins=begins, ends=ends, step_s=step))
    return sorted(found, key=lambda fault: (fault.begins, fault.kind, fault.who))


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """Turns events into the messages that a camera program would send."""

    thing: str
    bins: BinPolicy
    model: ModelName

    def detection(self, event: Event, sequence: int, *, clock_s: float = 0.0) -> dict[str, Any]:
        """The message of an item. ``clock_s``: how far the camera's clock is wrong."""
        # A generated event has a probability for its class only: that is its bin's as well.
        return Detection(
            thing=self.thing,
            sequence=sequence,
            observed_at=_at(event, clock_s),
            class_name=event.label,
            bin=self.bins.bin_for(event.label, event.confidence),
            confidence=event.confidence,
            unsure=event.confidence < self.bins.unsure_below,
            bin_confidence=event.confidence,
            model=self.model,
            frames=5,
            latency_ms=80.0,
        ).to_json()

    def telemetry(
        self, event: Event, *, detections: int, undelivered: int, clock_s: float = 0.0, **state: Any
    ) -> dict[str, Any]:
        """The message about the camera's state. ``state``: fields that differ from the usual."""
        frames = int(event.minute * 60 * 15)
        usual = {
            "fps": 15.0,
            "p50_ms": 60.0,
            "p99_ms": 90.0,
            "frames": frames,
            "dropped": 0,
            "bad_frames": 0,
            "source": "generator:",
            "source_state": "streaming",
            "uptime_s": event.minute * 60,
            "temperature_c": 45.0,
            "program": PROGRAM_VERSION,
            "drift": _drift(self.thing, event),
        }
        return Telemetry(
            thing=self.thing,
            observed_at=_at(event, clock_s),
            reason="interval",
            detections=detections,
            undelivered=undelivered,
            model=self.model,
            **{**usual, **state},
        ).to_json()


def _drift(thing: str, event: Event) -> float:
    """Distance of a camera's pictures from the training photos; below 1 is normal."""
    chance = random.Random(f"{thing}/{event.minute}/drift")  # noqa: S311 - a simulation
    return round(chance.uniform(0.2, 0.9), 3)


def _at(event: Event, clock_s: float) -> str:
    return timestamp(START + timedelta(minutes=event.minute, seconds=clock_s))
