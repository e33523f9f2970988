# SPDX-License-Identifier: Apache-2.0
"""The local AWS's use of this machine: processor time and memory, including its functions."""

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Load:
    """Processor seconds since the start, and resident bytes. Zero where there is no /proc."""

    seconds: float
    bytes: int


def load_of(leader: int) -> Load:
    """The load of every process in the session of ``leader``."""
    seconds, size = 0.0, 0
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for entry in _PROC.glob("[0-9]*/stat"):
        try:
            # The name in the second field may hold anything: what follows its last parenthesis.
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(fields[3]) == leader:
            # With the children that have ended: a function's process may be gone already.
            seconds += sum(int(value) for value in fields[11:15]) / tick
            size += int(fields[21]) * page
    return Load(seconds=seconds, bytes=size)
