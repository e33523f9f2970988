# SPDX-License-Identifier: Apache-2.0
"""The base of all sources."""

import threading
import time
from collections.abc import Iterator
from typing import Protocol


class SourceError(Exception):
    """The source cannot deliver frames; the message is for the person who set its URI."""


class Source(Protocol):
    """Delivers JPEG frames."""

    @property
    def live(self) -> bool:
        """Whether frames that arrive too fast are dropped; recorded frames wait instead."""
        ...

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        """Frames until ``stop`` is set or the source ends. Raises SourceError or OSError."""
        ...


class Pace:
    """Waits so that frames arrive no faster than ``fps``; with 0 it never waits."""

    def __init__(self, fps: float, stop: threading.Event) -> None:
        self._period = 1 / fps if fps else 0.0
        self._stop = stop
        self._due = time.monotonic()

    def wait(self, *, at_least: float = 0.0) -> None:
        """Return when the next frame is due, or when ``stop`` is set."""
        self._due += max(self._period, at_least)
        delay = self._due - time.monotonic()
        if delay > 0:
            self._stop.wait(delay)
        else:
            # Too late: continue from here instead of catching up with a burst.
            self._due = time.monotonic()
