# SPDX-License-Identifier: Apache-2.0
"""Signals that end a program by an exception in its main thread, exactly once.

Python notes a signal in C and calls its handler later, in the main thread, between two steps. Such
a handler alone can lose the signal in two ways. A signal that arrives after the last such moment
and before the main thread begins to wait interrupts nothing: the handler is called when the wait
is over. And an exception that is raised where Python ignores exceptions (``__del__``, a callback of
a weak reference) is printed and gone. So a thread reads every signal's number from a pipe and sends
it again while it was not taken, and an exception that was ignored is raised again.
"""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

_AGAIN_SECONDS = 0.1
"""How long a signal may stay without effect before it is sent again."""


class StopSignals:
    """One process has one, and one main thread that uses it."""

    def __init__(self) -> None:
        self._raised: dict[int, type[BaseException]] = {}
        self._taken = False
        self._deferred = 0
        self._noted = False
        self._last = 0
        self._pipe = -1
        self._hook: Callable[[Any], Any] = sys.__unraisablehook__

    def raise_once(self, raised: Mapping[signal.Signals, type[BaseException]]) -> None:
        """The first of these signals raises its exception in the main thread, later ones nothing.

        A second signal, close behind, would interrupt the cleaning up. While Python exits, all of
        them are ignored.
        """
        self._raised = {int(number): exception for number, exception in raised.items()}
        self._taken = False
        self._watch()
        for number in self._raised:
            signal.signal(number, self._take)

    @contextmanager
    def deferred(self, number: signal.Signals) -> Iterator[None]:
        """This signal raises nothing meanwhile; ``noted`` says afterwards whether it arrived."""
        self._deferred, self._noted = number, False
        before = signal.signal(number, self._take)
        try:
            yield
        finally:
            signal.signal(number, before)
            self._deferred = 0

    @property
    def noted(self) -> bool:
        """Whether the signal arrived that is, or was last, deferred."""
        return self._noted

    def take_no_more(self) -> None:
        """Signals do nothing from here on: the caller ends the program already."""
        self._taken = True

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if number == self._deferred:
            self._noted = True
        elif not self._taken:
            self._taken, self._last = True, number
            raise self._raised[number]

    def _watch(self) -> None:
        if sys.unraisablehook != self._ignored:
            self._hook, sys.unraisablehook = sys.unraisablehook, self._ignored
        if self._pipe >= 0:
            return
        numbers, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        signal.set_wakeup_fd(self._pipe, warn_on_full_buffer=False)
        # A forked child has the same pipe: its signals are not this process's.
        os.register_at_fork(after_in_child=_write_no_numbers)
        atexit.register(self._ignore_all)
        threading.Thread(
            target=self._send_again, args=(numbers,), name="stop-signals", daemon=True
        ).start()

    def _send_again(self, numbers: int) -> None:
        main = threading.main_thread().ident or 0
        while number := os.read(numbers, 1)[0]:
            while self._has_no_effect(number):
                time.sleep(_AGAIN_SECONDS)
                if self._has_no_effect(number):
                    signal.pthread_kill(main, number)

    def _has_no_effect(self, number: int) -> bool:
        if number == self._deferred:
            return not self._noted
        return number in self._raised and not self._taken

    def _ignored(self, unraisable: Any) -> None:
        """An exception that Python ignores: if it is the signal's, the signal is sent again."""
        if self._taken and unraisable.exc_type is self._raised.get(self._last):
            self._taken = False
            os.write(self._pipe, bytes([self._last]))
        else:
            self._hook(unraisable)

    def _ignore_all(self) -> None:
        # While Python exits it gives signals their default action back: the next one would kill.
        self._taken = True
        for number in self._raised:
            signal.signal(number, signal.SIG_IGN)


def _write_no_numbers() -> None:
    signal.set_wakeup_fd(-1)


STOP_SIGNALS = StopSignals()
