# SPDX-License-Identifier: Apache-2.0
"""SIGINT, SIGTERM and SIGHUP (the terminal closes). The handler only sets a flag, on which the
main thread acts.

A handler runs in the main thread, between any two of its steps. One that takes a lock (as
``threading.Event.set`` does) waits forever if the main thread, or a handler interrupted by a second
signal, already holds the same lock.
"""

import atexit
import signal
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndSignals:
    """Handles SIGINT, SIGTERM and SIGHUP from now on; true once one arrived.

    An already ignored SIGHUP (nohup) stays ignored.
    """

    def __init__(self) -> None:
        self._came = False
        for number in ENDING:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note)
        # While it exits, Python restores the default actions: another signal would kill the
        # process.
        atexit.register(_ignore)

    def __bool__(self) -> bool:
        return self._came

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True


def _ignore() -> None:
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
