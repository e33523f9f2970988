# SPDX-License-Identifier: Apache-2.0
"""Gives the loop priority over other threads."""

import contextlib
import os
import threading

_NICENESS = 10


def lower_priority() -> None:
    """Lower this thread's priority: on Linux, niceness belongs to a thread."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
