# SPDX-License-Identifier: Apache-2.0
"""The process id of a server, kept in its work folder; ends servers that were left running."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SERVER = "ministack_edge.server"
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class PidFile:
    """``local-aws.pid`` in a work folder.

    The file alone proves nothing: the number may belong to another program by now.
    """

    path: Path

    @classmethod
    def of(cls, work: Path) -> PidFile:
        """The file of the server that uses a work folder."""
        return cls(work.resolve() / "local-aws.pid")

    def alive(self) -> int | None:
        """The process id, if any process has it."""
        try:
            pid = int(self.path.read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid

    def write(self, pid: int) -> None:
        """Keep the id of a server that was just started."""
        self.path.write_text(f"{pid}\n")

    def remove(self) -> None:
        """Forget the server."""
        self.path.unlink(missing_ok=True)


def stop_kept(work: Path) -> str:
    """End a local AWS that was left up in a work folder; return a sentence about it."""
    file = PidFile.of(work)
    if not file.path.exists():
        return f"No local AWS was left up in {work}."
    pid = file.alive()
    if pid is not None and SERVER in _command_line(pid):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and SERVER in _command_line(pid):
            time.sleep(0.1)
        kill_group(pid)
    file.remove()
    return f"The local AWS in {work} has ended."


def _command_line(pid: int) -> str:
    """The command line of a process; empty when it is gone."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return ""
    # macOS has no /proc, but always has ps; slim Linux images are the other way round.
    return subprocess.run(
        ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def kill_group(group: int) -> None:
    """Kill every process of a group; one that is gone is no error."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
