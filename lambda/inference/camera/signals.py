# SPDX-License-Identifier: Apache-2.0
"""Being told to end. A handler only notes it: the main thread acts.

A handler runs in the main thread, between any two of its steps. One that takes a lock (as
``threading.Event.set`` does) waits for ever where the main thread, or a handler that a second
signal interrupted, holds the same lock already.
"""

import signal
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)


class Told:
    """Takes SIGINT and SIGTERM from here on; true once one came."""

    def __init__(self) -> None:
        self._came = False
        for number in ENDING:
            signal.signal(number, self._note)

    def __bool__(self) -> bool:
        return self._came

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
