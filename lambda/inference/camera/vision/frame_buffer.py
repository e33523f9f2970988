# SPDX-License-Identifier: Apache-2.0
"""A frame, and the slot that holds at most one frame between two threads."""

import threading
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Frame:
    """A JPEG as the camera delivered it, and the time (``time.monotonic()``)."""

    jpeg: bytes
    captured_at: float


class FrameBuffer(Generic[T]):
    """Holds the newest. An untaken one is replaced and counted, never queued.

    The consumer calls ``done`` afterwards, so that ``busy`` includes work in progress.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: T | None = None
        self._in_work = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many were replaced before they were taken."""
        return self._dropped

    @property
    def busy(self) -> bool:
        """Whether one is waiting or in progress."""
        with self._changed:
            return self._held is not None or self._in_work

    def put(self, value: T) -> None:
        """Put a live frame: it replaces an untaken one."""
        with self._changed:
            if self._held is not None:
                self._dropped += 1
            self._held = value
            self._changed.notify_all()

    def put_when_free(self, value: T, *, stop: threading.Event) -> None:
        """Put a recorded frame: wait until the previous one was taken, so that none is lost."""
        with self._changed:
            while self._held is not None and not stop.is_set():
                self._changed.wait(0.2)
            self._held = value
            self._changed.notify_all()

    def take(self, *, timeout: float) -> T | None:
        """The newest, or None after ``timeout`` seconds without one."""
        with self._changed:
            if self._held is None:
                self._changed.wait(timeout)
            value, self._held = self._held, None
            self._in_work = value is not None
            self._changed.notify_all()
            return value

    def done(self) -> None:
        """The work on the one that was taken is finished."""
        with self._changed:
            self._in_work = False
