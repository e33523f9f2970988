# SPDX-License-Identifier: Apache-2.0
"""Handles Ctrl-C, SIGTERM and a closed terminal once, so that stopping is not interrupted again."""

import signal

from contracts.stop_signals import STOP_SIGNALS

_MAY_BE_IGNORED = (signal.SIGINT, signal.SIGHUP)


def interrupted_once() -> None:
    """The first of these signals raises KeyboardInterrupt in the main thread; later ones are
    ignored.

    A shell and a process's parent often send one each, close together. SIGINT and
    SIGHUP that are ignored already (a shell's background job, nohup) stay so.
    """
    taken = [n for n in _MAY_BE_IGNORED if signal.getsignal(n) is not signal.SIG_IGN]
    STOP_SIGNALS.raise_once(dict.fromkeys([signal.SIGTERM, *taken], KeyboardInterrupt))
