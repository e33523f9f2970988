# SPDX-License-Identifier: Apache-2.0
"""The newest picture of a stream for its viewers; pictures are never queued."""

import logging
import threading
import time
from collections.abc import Callable

from camera.inference_loop import FrameResult
from camera.page.overlay import annotated
from camera.vision.jpeg import BadFrameError
from contracts.bins import BinPolicy

_log = logging.getLogger(__name__)
_PERIOD = 1 / 10
"""Minimum seconds between two annotated pictures: people cannot read faster."""


class Newest:
    """The newest picture of a stream and its number. Any number of viewers may wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jpeg = b""
        self._number = 0
        self._viewers = 0

    @property
    def viewers(self) -> int:
        return self._viewers

    def join(self, change: int) -> None:
        """Count a viewer that joined (1) or left (-1)."""
        with self._changed:
            self._viewers += change
            self._changed.notify_all()

    def put(self, jpeg: bytes) -> None:
        with self._changed:
            self._jpeg, self._number = jpeg, self._number + 1
            self._changed.notify_all()

    def after(self, number: int, *, timeout: float) -> tuple[int, bytes]:
        """The newest picture once it is newer than ``number``, else the same number again."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number, timeout)
            return self._number, self._jpeg

    def wait_for_viewers(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._viewers > 0, timeout)


class ProjectStream:
    """Draws on frames while there is a viewer; otherwise it costs nothing."""

    def __init__(self, *, bins: Callable[[], BinPolicy]) -> None:
        self.newest = Newest()
        self._bins = bins
        self._seen: FrameResult | None = None
        self._last = ""
        self._arrived = threading.Event()
        self._identify_until = 0.0

    def watch(self, seen: FrameResult) -> None:
        """Take the loop's result for a frame; returns at once."""
        if seen.decision is not None and seen.view.model is not None:
            labels = seen.view.model.card.labels
            item = self._bins().sort(labels, seen.decision.probabilities.tolist())
            self._last = f"{item.class_name}\n{item.bin}"
        elif not seen.view.presence.present:
            self._last = ""
        self._seen = seen
        self._arrived.set()

    def identify(self, seconds: float) -> None:
        """Draw a frame around the picture for this long."""
        self._identify_until = time.monotonic() + seconds

    @property
    def identifying(self) -> bool:
        return time.monotonic() < self._identify_until

    def run(self, stop: threading.Event) -> None:
        """Draw until ``stop`` is set."""
        while not stop.is_set():
            if not (self.newest.wait_for_viewers(0.2) and self._arrived.wait(0.2)):
                continue
            self._arrived.clear()
            began, seen = time.monotonic(), self._seen
            if seen is not None:
                try:
                    self.newest.put(
                        annotated(
                            seen, bins=self._bins(), last=self._last, identify=self.identifying
                        )
                    )
                except BadFrameError as error:
                    _log.debug("frame not drawn: %s", error)
            stop.wait(max(_PERIOD - (time.monotonic() - began), 0))
