# SPDX-License-Identifier: Apache-2.0
"""Detections on their way out: in order, retried with backoff, bounded."""

import logging
import random
import threading
from collections import deque

from camera.publishers import Publisher, PublishError

_log = logging.getLogger(__name__)
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 60.0


class Outbox:
    """Keeps detections until the broker has taken them, each in its turn.

    In memory, so a restart loses what is waiting. When ``size`` are waiting, the oldest is given
    up and counted.
    """

    def __init__(self, publisher: Publisher, *, size: int) -> None:
        self._publisher = publisher
        self._size = size
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._changed = threading.Condition()
        self._lost = 0
        self.problem: str | None = None

    @property
    def undelivered(self) -> int:
        """Messages that wait, and those that were given up since the start."""
        with self._changed:
            return len(self._waiting) + self._lost

    def put(self, topic: str, payload: bytes) -> None:
        """Accept a message; never blocks."""
        with self._changed:
            if len(self._waiting) >= self._size:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append((topic, payload))
            self._changed.notify_all()

    def run(self, stop: threading.Event) -> None:
        """Send what waits until ``stop`` is set."""
        delay = _FIRST_DELAY
        while not stop.is_set():
            message = self._first(timeout=0.2)
            if message is None:
                continue
            try:
                self._publisher.publish(*message)
            except PublishError as error:
                self.problem = f"detections cannot be sent: {error}"
                _log.warning("%s; next attempt in about %.1f s", self.problem, delay)
                # Spread, so that a fleet does not come back in step after a broker's outage.
                stop.wait(delay * random.uniform(0.5, 1.0))  # noqa: S311
                delay = min(delay * 2, _LONGEST_DELAY)
                continue
            except ValueError:
                _log.exception("message cannot be sent at all; it is given up")
                with self._changed:
                    self._lost += 1
            delay, self.problem = _FIRST_DELAY, None
            self._remove(message)

    def drain(self, *, timeout: float) -> bool:
        """Wait until nothing is left to send; False if some is left after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout)

    def _first(self, *, timeout: float) -> tuple[str, bytes] | None:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), timeout)
            return self._waiting[0] if self._waiting else None

    def _remove(self, message: tuple[str, bytes]) -> None:
        with self._changed:
            # It may have been given up for a newer one while it was being sent.
            if self._waiting and self._waiting[0] is message:
                self._waiting.popleft()
            self._changed.notify_all()
