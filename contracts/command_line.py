# SPDX-License-Identifier: Apache-2.0
"""How the commands end when their output goes nowhere."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

_NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class ReaderGoneError(BrokenPipeError):
    """The reader of stdout has enough."""


def run_command(main: Callable[[], int | None]) -> int:
    """The exit status of a command's ``main``.

    A reader that has enough (``| head``) is no fault: 0. Where a disk is full or a file may not be
    written, one line says so: 1. A BrokenPipeError of another pipe than stdout passes through.
    """
    try:
        status = main() or 0
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError as error:
        if not (isinstance(error, ReaderGoneError) or _reader_is_gone()):
            raise
        write_nowhere()
        return 0
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise
        write_nowhere()
        name = Path(sys.argv[0]).stem
        print(f"{name}: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 1
    return status


def write_nowhere() -> None:
    """Let what is printed from now on vanish.

    Python flushes the output once more while it exits, and would report the same again.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _reader_is_gone() -> bool:
    """Whether stdout is a pipe that nobody reads. Only writing shows it, so a line ends here."""
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except BrokenPipeError:
        return True
    return False
