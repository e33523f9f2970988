# SPDX-License-Identifier: Apache-2.0
"""A rich console for commands whose reader may have enough (``| head``)."""

from rich.console import Console

from contracts.command_line import ReaderGoneError


class PipedConsole(Console):
    """Raises ReaderGoneError where its reader is gone, which ``run_command`` takes for an end.

    Rich's own console exits with status 1 there.
    """

    def on_broken_pipe(self) -> None:
        """Rich calls this while it handles the BrokenPipeError."""
        raise ReaderGoneError
