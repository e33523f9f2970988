# SPDX-License-Identifier: Apache-2.0
"""Run each part of a program in its own thread, and restart a part that fails."""

import logging
import threading
from collections.abc import Callable, Mapping

from camera.backoff import Backoff
from camera.messaging.status import Status

_log = logging.getLogger(__name__)
LONGEST_DELAY = 30.0


def run_all(
    parts: Mapping[str, Callable[[], None]], *, stop: threading.Event, status: Status
) -> None:
    """Run every part until it ends; a part that fails is restarted, with backoff."""
    threads = [
        threading.Thread(target=_keep, args=(name, part, stop, status), name=name, daemon=True)
        for name, part in parts.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _keep(name: str, part: Callable[[], None], stop: threading.Event, status: Status) -> None:
    backoff = Backoff(first=1.0, longest=LONGEST_DELAY)
    while not stop.is_set():
        backoff.start()
        try:
            part()
            return
        except Exception as error:  # noqa: BLE001 - a camera outlives its parts
            delay = backoff.failed()
            status.set_problem(name, f"{name}: {error or type(error).__name__}")
            _log.exception("%s failed; again in %.0f s", name, delay)
            stop.wait(delay)
