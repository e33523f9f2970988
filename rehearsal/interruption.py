# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and SIGTERM, once: what was started is stopped, and nothing interrupts that."""

import atexit
import signal
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)


def interrupted_once() -> None:
    """The first SIGINT or SIGTERM raises KeyboardInterrupt in the main thread, later ones nothing.

    A shell and a process's parent often send one each, close together. SIGINT that is ignored
    already (a shell's background job) stays so.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    # While Python exits it gives signals their default action back: the next one would kill.
    atexit.register(_ignore)


def _ignore() -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Not SIG_IGN: Python reports a signal that is pending at this moment as an error.
    for number in _ENDING:
        signal.signal(number, _do_nothing)
    raise KeyboardInterrupt


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Take a signal without acting on it."""
