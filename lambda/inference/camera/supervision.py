# SPDX-License-Identifier: Apache-2.0
"""Keeps the parts of a program going, each in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from camera.messaging.status import Status

_log = logging.getLogger(__name__)
_FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0


def run_all(
    parts: Mapping[str, Callable[[], None]], *, stop: threading.Event, status: Status
) -> None:
    """Run every part until it is over; one that fails begins again, with backoff."""
    threads = [
        threading.Thread(target=_keep, args=(name, part, stop, status), name=name, daemon=True)
        for name, part in parts.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _keep(name: str, part: Callable[[], None], stop: threading.Event, status: Status) -> None:
    delay = _FIRST_DELAY
    while not stop.is_set():
        began = time.monotonic()
        try:
            part()
            return
        except Exception as error:  # noqa: BLE001 - a camera outlives its parts
            if time.monotonic() - began > LONGEST_DELAY:
                delay = _FIRST_DELAY
            status.set_problem(name, f"{name}: {error or type(error).__name__}")
            _log.exception("%s failed; again in %.0f s", name, delay)
            stop.wait(delay)
            delay = min(delay * 2, LONGEST_DELAY)
