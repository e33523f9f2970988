# SPDX-License-Identifier: Apache-2.0
"""Numbers for items: increasing, and never used twice by one camera, even after a power cut."""

import logging
import time
from pathlib import Path

from contracts.atomic_file import write_file

_log = logging.getLogger(__name__)
_BLOCK = 100


class Sequence:
    """Returns numbers from blocks reserved on disk; a restart skips the rest of a block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0
        self._reserved = 0
        self.problem: str | None = None

    def take(self) -> int:
        """The next number."""
        if self._next >= self._reserved:
            self._reserve()
        number = self._next
        self._next += 1
        return number

    def _reserve(self) -> None:
        start = max(self._next, self._read())
        try:
            write_file(self._path, f"{start + _BLOCK}\n", durable=True)
            self.problem = None
        except OSError as error:
            # Microseconds since 1970 are far above any count, so later blocks never overlap.
            start = max(start, time.time_ns() // 1000)
            self.problem = f"{self._path}: {error.strerror}; item numbers follow the clock"
            _log.error("%s", self.problem)
        self._next, self._reserved = start, start + _BLOCK

    def _read(self) -> int:
        try:
            return max(int(self._path.read_text(encoding="ascii")), 1)
        except FileNotFoundError:
            return 1
        except (OSError, ValueError) as error:
            _log.error("%s cannot be read: %s; item numbers follow the clock", self._path, error)
            return time.time_ns() // 1000
