# SPDX-License-Identifier: Apache-2.0
"""Children that cannot outlive their parent, not even when it is killed.

The parent holds the write end of the child's stdin and never writes. When the parent goes away,
however it goes, the pipe closes. Unlike PR_SET_PDEATHSIG this works on macOS and does not depend on
threads.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable


def on_parent_exit(action: Callable[[], None]) -> None:
    """Call `action` (in a thread) when the process that started this one is gone."""

    def watch() -> None:
        # Unbuffered: a byte or an error is of no interest, only the end of the pipe is.
        while True:
            try:
                if not os.read(0, 4096):
                    break
            except OSError:
                break
        action()

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def kill_own_group() -> None:
    """End this process and everything it started in its group."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(command: list[str]) -> int:
    """Run `command` in this process's group; kill the group when the parent goes away."""

    def leave_it_to_the_command(_number: int, _frame: object) -> None:
        """A stop signal reaches the whole group; the guard stays to say how the command ended."""

    # A handler, not SIG_IGN: ignored signals would be ignored in the command as well.
    signal.signal(signal.SIGTERM, leave_it_to_the_command)
    signal.signal(signal.SIGINT, leave_it_to_the_command)
    on_parent_exit(kill_own_group)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    status = child.wait()
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
