# SPDX-License-Identifier: Apache-2.0
"""One camera of the fleet: a generator before the camera program's own queue and numbers.

What is real: the certificate, the connection, the IoT policies, the queue and the item numbers on
disk (lambda/inference/camera/messaging). What is not: lens and model.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from camera.messaging.outbox import Outbox
from camera.messaging.publishers import PublishError
from camera.messaging.sequence import Sequence
from camera.messaging.sqlite_queue import Message
from contracts.messages import ModelName
from contracts.telemetry import UNSURE
from contracts.topics import Topics
from rehearsal.fleet.camera_in_memory import (
    BROKEN_AFTER,
    CRASH_SECONDS,
    CRASHES,
    GOOD,
    ONE_CLASS,
    SLOW,
)
from rehearsal.fleet.digests import digest
from rehearsal.fleet.generator import CLASSES, ITEM, Event, Speaker
from rehearsal.fleet.link import Link

QUEUE_SIZE = 1000
"""Maximum number of waiting items, the camera's default."""

SLOWLY: dict[str, Any] = {"fps": 0.4, "p50_ms": 2000.0, "p99_ms": 2600.0}

Say = Callable[..., None]
"""Reports a camera's action before it is done: ``say("put", thing, …)``."""


@dataclass(kw_only=True)
class FleetCamera:
    """A camera that plays events. It reports them to ``say``, so that a kill hides nothing."""

    speaker: Speaker
    topics: Topics
    folder: Path
    link: Link
    say: Say
    clock_s: float = 0.0
    offline: bool = False
    """Whether its network is lost: telemetry is not stored, so sending is not even tried."""
    kind: str = GOOD
    """Of the model that it has."""
    outbox: Outbox = field(init=False)
    _adopted: float | None = None
    _crashes: int = 0
    _classes: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        thing = self.speaker.thing
        self.outbox = Outbox(
            self.link,
            topic=self.topics.detections(thing),
            path=self.folder / "detections.sqlite",
            size=QUEUE_SIZE,
        )
        self._sequence = Sequence(self.folder / "sequence")

    def start(self) -> None:
        """Begin to write and send what waits."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for run in (self.outbox.run_disk, self.outbox.run):
            thread = threading.Thread(target=run, args=(self._stop,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def adopt(self, kind: str, version: str) -> None:
        """Adopt a model; the answers from now on depend on its kind."""
        self.kind, self._adopted, self._crashes = kind, None, 0
        self.speaker = replace(self.speaker, model=ModelName("0" * 64, version))

    def crash(self, minute: float) -> str | None:
        """What the nucleus reports of the program by now: a state, nothing wrong (empty), or None
        where it has nothing new to report."""
        if self.kind != CRASHES or self._crashes >= BROKEN_AFTER:
            return None
        if self._adopted is None:
            self._adopted = minute
        if minute - self._adopted < CRASH_SECONDS / 60:
            return None
        self._adopted, self._crashes = minute, self._crashes + 1
        return "BROKEN" if self._crashes >= BROKEN_AFTER else ""

    @staticmethod
    def _one(version: str) -> str:
        """The answer of a model that gives one class for everything."""
        return CLASSES[sum(version.encode()) % len(CLASSES)]

    def play(self, events: Iterable[Event], *, flush_s: float) -> None:
        """Report each event; then report which items are on disk or were sent."""
        for event in events:
            if self._crashes >= BROKEN_AFTER:
                continue  # the program is not started any more
            if event.kind == ITEM:
                self._report(event)
            else:
                self._tell(event)
        if self.outbox.flush(timeout=flush_s):
            self.say("safe", self.speaker.thing)

    def stop(self) -> None:
        """Write what waits, disconnect."""
        self._stop.set()
        self.link.close()
        for thread in self._threads:
            thread.join(timeout=20)

    def _report(self, event: Event) -> None:
        if self.kind == ONE_CLASS:
            label = self._one(self.speaker.model.version)
            event = replace(event, label=label, confidence=0.99)
        number = self._sequence.take()
        document = self.speaker.detection(event, number, clock_s=self.clock_s)
        payload = json.dumps(document, separators=(",", ":")).encode()
        self.say("put", self.speaker.thing, number, digest(document))
        self.outbox.put(Message(number, payload))
        unsure = event.confidence < self.speaker.bins.unsure_below
        self._classes[UNSURE if unsure else event.label] += 1

    def _tell(self, event: Event) -> None:
        if self.offline:
            return
        document = self.speaker.telemetry(
            event,
            detections=sum(self._classes.values()),
            classes=dict(self._classes),
            undelivered=self.outbox.undelivered,
            clock_s=self.clock_s,
            problem=self.outbox.disk_problem,
            **(SLOWLY if self.kind == SLOW else {}),
        )
        payload = json.dumps(document, separators=(",", ":")).encode()
        try:
            self.link.publish(self.topics.telemetry(self.speaker.thing), payload)
        except PublishError as error:
            self.say("silent", self.speaker.thing, str(error))
        else:
            self.say("told", self.speaker.thing)
