# SPDX-License-Identifier: Apache-2.0
"""A frame, and the slot that holds at most one of them between capture and inference."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """A JPEG as it came from the camera, and when (``time.monotonic()``)."""

    jpeg: bytes
    captured_at: float


class FrameSlot:
    """Holds the newest frame. A frame that nobody took is replaced and counted, never queued."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Frames that were replaced before anyone took them."""
        return self._dropped

    @property
    def waiting(self) -> bool:
        """Whether a frame is in the slot."""
        return self._frame is not None

    def put(self, frame: Frame) -> None:
        """Offer a live frame: the newest wins."""
        with self._changed:
            if self._frame is not None:
                self._dropped += 1
            self._frame = frame
            self._changed.notify_all()

    def put_when_free(self, frame: Frame, *, stop: threading.Event) -> None:
        """Offer a recorded frame: wait until the one before was taken, so that none is lost."""
        with self._changed:
            while self._frame is not None and not stop.is_set():
                self._changed.wait(0.2)
            self._frame = frame
            self._changed.notify_all()

    def take(self, *, timeout: float) -> Frame | None:
        """The newest frame, or None if there was none in ``timeout`` seconds."""
        with self._changed:
            if self._frame is None:
                self._changed.wait(timeout)
            frame, self._frame = self._frame, None
            self._changed.notify_all()
            return frame
