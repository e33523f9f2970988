# SPDX-License-Identifier: Apache-2.0
"""A frame, and the slot that holds at most one thing between two threads."""

import threading
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Frame:
    """A JPEG as it came from the camera, and when (``time.monotonic()``)."""

    jpeg: bytes
    captured_at: float


class FrameBuffer(Generic[T]):
    """Holds the newest. What nobody took is replaced and counted, never queued.

    Whoever takes says ``done`` afterwards, so that ``busy`` never misses what is being worked on.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: T | None = None
        self._in_work = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many were replaced before anyone took them."""
        return self._dropped

    @property
    def busy(self) -> bool:
        """Whether something waits or is worked on."""
        with self._changed:
            return self._held is not None or self._in_work

    def put(self, value: T) -> None:
        """Offer what is live: the newest wins."""
        with self._changed:
            if self._held is not None:
                self._dropped += 1
            self._held = value
            self._changed.notify_all()

    def put_when_free(self, value: T, *, stop: threading.Event) -> None:
        """Offer what is recorded: wait until the one before was taken, so that none is lost."""
        with self._changed:
            while self._held is not None and not stop.is_set():
                self._changed.wait(0.2)
            self._held = value
            self._changed.notify_all()

    def take(self, *, timeout: float) -> T | None:
        """The newest, or None if there was none in ``timeout`` seconds."""
        with self._changed:
            if self._held is None:
                self._changed.wait(timeout)
            value, self._held = self._held, None
            self._in_work = value is not None
            self._changed.notify_all()
            return value

    def done(self) -> None:
        """What was taken is finished with."""
        with self._changed:
            self._in_work = False
