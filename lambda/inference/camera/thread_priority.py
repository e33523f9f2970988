# SPDX-License-Identifier: Apache-2.0
"""Lets the loop go first."""

import contextlib
import os
import threading

_NICENESS = 10


def lower_priority() -> None:
    """Lower this thread's priority: on Linux, niceness belongs to a thread."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
