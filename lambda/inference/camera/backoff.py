# SPDX-License-Identifier: Apache-2.0
"""How long to wait before a failed operation is tried again."""

import random
import time


class Backoff:
    """Counts attempts: each delay is twice the one before, from ``first`` to ``longest`` seconds.

    Call ``start`` before an attempt, ``failed`` after a failure and ``succeeded`` after a success.
    An attempt that lasted longer than ``longest`` counts as a success. ``spread``: each delay is a
    random 50 to 100 % of its length, so that many cameras do not retry at the same time.
    """

    def __init__(self, *, first: float, longest: float, spread: bool = False) -> None:
        self._first = first
        self._longest = longest
        self._spread = spread
        self._delay = first
        self._started: float | None = None

    def start(self) -> None:
        """An attempt begins."""
        self._started = time.monotonic()

    def succeeded(self) -> None:
        """The next failure is the first one again."""
        self._delay = self._first

    def failed(self) -> float:
        """Seconds to wait before the next attempt."""
        if self._started is not None and time.monotonic() - self._started > self._longest:
            self.succeeded()
        delay = self._delay
        self._delay = min(self._delay * 2, self._longest)
        return delay * random.uniform(0.5, 1.0) if self._spread else delay  # noqa: S311
