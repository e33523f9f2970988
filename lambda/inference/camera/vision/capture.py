# SPDX-License-Identifier: Apache-2.0
"""Moves frames from a source into the slot and reopens the source when it is lost."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from camera.backoff import Backoff
from camera.messaging.status import Status
from camera.sources import Source, SourceError, open_source
from camera.vision.frame_buffer import Frame, FrameBuffer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Capture:
    """Hands each frame to ``show`` and, unless ``holds`` keeps it for later, to the slot.

    ``opened`` is called when a live source starts.
    """

    slot: FrameBuffer[Frame]
    status: Status
    paused: threading.Event
    opened: Callable[[], None]
    show: Callable[[Frame], None]
    holds: Callable[[Frame], bool]

    def run(self, uri: str, stop: threading.Event) -> None:
        """Read until ``stop`` is set or the source has ended."""
        backoff = Backoff(first=1.0, longest=30.0)
        source: Source | None = None
        while not stop.is_set():
            backoff.start()
            try:
                source = source or open_source(uri)
                self._read(source, stop)
                break
            except (SourceError, OSError) as error:
                delay = backoff.failed()
                self.status.set_problem("source", str(error))
                self.status.set_source_state("lost")
                _log.warning("%s; again in %.0f s", error, delay)
                stop.wait(delay)
        if not stop.is_set():
            ended = source is not None and not source.live
            self.status.set_problem("source", None if ended else "the source has ended")
            self.status.set_source_state("ended" if ended else "lost")

    def _read(self, source: Source, stop: threading.Event) -> None:
        """Put frames into the slot until the source ends."""
        if source.live:
            self.opened()
        for jpeg in source.frames(stop):
            if stop.is_set():
                break
            frame = Frame(jpeg=jpeg, captured_at=time.monotonic())
            self.show(frame)
            if not self.holds(frame):
                self._put(frame, live=source.live, stop=stop)
            self.status.set_problem("source", None)
            self.status.set_source_state("paused" if self.paused.is_set() else "streaming")

    def _put(self, frame: Frame, *, live: bool, stop: threading.Event) -> None:
        if live:
            self.slot.put(frame)
        else:
            self.slot.put_when_free(frame, stop=stop)
