# SPDX-License-Identifier: Apache-2.0
"""How commands exit when their output cannot be written."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

_NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class ReaderGoneError(BrokenPipeError):
    """The reader of stdout has closed the pipe."""


def run_command(main: Callable[[], int | None]) -> int:
    """The exit status of a command's ``main``.

    0 if the reader of stdout closed the pipe (``| head``), which is not an error. 1, with one line
    on stderr, if a disk is full or a file cannot be written. A BrokenPipeError from any other pipe
    is raised.
    """
    try:
        status = main() or 0
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError as error:
        if not reader_is_gone(error):
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
    """Discard everything that is printed from now on.

    Python flushes the output once more when it exits, and would report the same error again.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def reader_is_gone(error: BrokenPipeError) -> bool:
    """Whether the pipe that broke is stdout, which nobody reads any more.

    Only a write reveals this, so it writes a line break.
    """
    if isinstance(error, ReaderGoneError):
        return True
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except BrokenPipeError:
        return True
    return False
