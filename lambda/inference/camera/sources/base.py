# SPDX-License-Identifier: Apache-2.0
"""What every source has in common."""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Protocol


class SourceError(Exception):
    """The source cannot deliver; the message is for the person who set its URI."""


class Source(Protocol):
    """Delivers JPEG frames."""

    @property
    def live(self) -> bool:
        """Whether frames that come too fast are dropped; recorded ones wait instead."""
        ...

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        """Frames until ``stop`` is set or the source is over. Raises SourceError or OSError."""
        ...


class Pace:
    """Waits so that frames come no faster than asked for; ``fps`` 0 never waits."""

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
            # Behind: go on from here instead of catching up with a burst.
            self._due = time.monotonic()


def number_option(
    options: Mapping[str, str], name: str, default: float, *, low: float, high: float
) -> float:
    """A numeric option of a URI. Raises ValueError naming it."""
    text = options.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ValueError(f"option {name} = {text!r}: allowed are {low:g} to {high:g}")
    return value


def refuse_unknown(options: Mapping[str, str], known: set[str]) -> None:
    """Raise ValueError for an option that the source does not have."""
    unknown = sorted(set(options) - known)
    if unknown:
        allowed = ", ".join(sorted(known)) or "none"
        raise ValueError(f"unknown option {unknown[0]!r}: allowed are {allowed}")
