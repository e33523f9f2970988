# SPDX-License-Identifier: Apache-2.0
"""One camera of the fleet: a generator before the camera program's own queue and numbers.

What is real: the certificate, the connection, the IoT policies, the queue and the item numbers on
disk (lambda/inference/camera/messaging). What is not: lens and model.
"""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from camera.messaging.outbox import Outbox
from camera.messaging.publishers import PublishError
from camera.messaging.sequence import Sequence
from camera.messaging.sqlite_queue import Message
from contracts.topics import Topics
from rehearsal.fleet.digests import digest
from rehearsal.fleet.generator import ITEM, Event, Speaker
from rehearsal.fleet.link import Link

QUEUE_SIZE = 1000
"""Items that wait at most, as by default on a camera."""

Say = Callable[..., None]
"""Tells the rehearsal what a camera did, before it is done: ``say("put", thing, …)``."""


@dataclass(kw_only=True)
class FleetCamera:
    """A camera that plays events. What it says goes to ``say``, so that a kill hides nothing."""

    speaker: Speaker
    topics: Topics
    folder: Path
    link: Link
    say: Say
    clock_s: float = 0.0
    offline: bool = False
    """Whether its network is lost: telemetry is not kept, so it is not even tried."""
    outbox: Outbox = field(init=False)
    _items: int = 0
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

    def play(self, events: Iterable[Event], *, flush_s: float) -> None:
        """Report each event; then say which items are on the disk, or were sent."""
        for event in events:
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
        number = self._sequence.take()
        document = self.speaker.detection(event, number, clock_s=self.clock_s)
        payload = json.dumps(document, separators=(",", ":")).encode()
        self.say("put", self.speaker.thing, number, digest(document))
        self.outbox.put(Message(number, payload))
        self._items += 1

    def _tell(self, event: Event) -> None:
        if self.offline:
            return
        document = self.speaker.telemetry(
            event,
            detections=self._items,
            undelivered=self.outbox.undelivered,
            clock_s=self.clock_s,
            problem=self.outbox.disk_problem,
        )
        payload = json.dumps(document, separators=(",", ":")).encode()
        try:
            self.link.publish(self.topics.telemetry(self.speaker.thing), payload)
        except PublishError as error:
            self.say("silent", self.speaker.thing, str(error))
        else:
            self.say("told", self.speaker.thing)
