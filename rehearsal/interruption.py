# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, SIGTERM and a terminal that closes, once: what was started is stopped without a break."""

import atexit
import signal
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupted_once() -> None:
    """The first of these signals raises KeyboardInterrupt in the main thread, later ones nothing.

    A shell and a process's parent often send one each, close together. SIGINT and
    SIGHUP that are ignored already (a shell's background job, nohup) stay so.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
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
