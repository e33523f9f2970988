# SPDX-License-Identifier: Apache-2.0
"""The console of a rehearsal, which ends cleanly if its reader closes the pipe (``| head``)."""

import os
import signal
import threading

from contracts.command_line import write_nowhere
from tools.console import PipedConsole


class RehearsalConsole(PipedConsole):
    """``reader_gone``: the pipe is closed; output is discarded, and the rehearsal ends.

    In the main thread ``print`` raises ReaderGoneError then; another thread interrupts the main
    thread as SIGTERM does (``rehearsal.interruption``).
    """

    reader_gone = False

    def on_broken_pipe(self) -> None:
        """Rich calls this while it handles the BrokenPipeError."""
        self.reader_gone = True
        # Started processes are still stopped, and that is printed.
        write_nowhere()
        if threading.current_thread() is threading.main_thread():
            super().on_broken_pipe()
        os.kill(os.getpid(), signal.SIGTERM)
