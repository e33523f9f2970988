# SPDX-License-Identifier: Apache-2.0
"""A rich console for commands whose reader may close the pipe (``| head``)."""

from rich.console import Console

from contracts.command_line import ReaderGoneError


class PipedConsole(Console):
    """Raises ReaderGoneError when the pipe is closed, which ``run_command`` treats as a normal end.

    Rich's own console exits with status 1 instead.
    """

    def on_broken_pipe(self) -> None:
        """Rich calls this while it handles the BrokenPipeError."""
        raise ReaderGoneError
