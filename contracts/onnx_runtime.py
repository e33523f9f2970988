# SPDX-License-Identifier: Apache-2.0
"""Imports onnxruntime if this machine supports it.

On a Linux machine without any list of its processors (a container or a sandbox with neither /sys
nor a filled /proc/cpuinfo), its import reads past an empty list. Depending on the memory behind it,
the import works, or it ends with SIGSEGV and without a message: the same command behaved
differently on two machines. A trial import would therefore prove nothing, so the lists are checked
instead.
"""

import sys
from pathlib import Path

_LISTS = ("sys/devices/system/cpu/possible", "sys/devices/system/cpu/present")
_CPUINFO = "proc/cpuinfo"


def processors_problem(root: Path) -> str:
    """Why onnxruntime cannot be imported under this root folder; empty if it can.

    One list of the three is enough: ``possible`` or ``present`` in /sys, or /proc/cpuinfo with its
    ``processor`` lines.
    """
    if any(_text(root / name).strip() for name in _LISTS):
        return ""
    if any(line.startswith("processor") for line in _text(root / _CPUINFO).splitlines()):
        return ""
    return (
        f"/{_LISTS[0]} and /{_CPUINFO} are missing or empty, and onnxruntime needs one of them to "
        "count the processors; mount /sys or /proc into this container"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


if sys.platform == "linux" and (_problem := processors_problem(Path("/"))):
    # Nothing could catch the crash that may follow.
    raise SystemExit(_problem)

import onnxruntime  # noqa: E402

__all__ = ("onnxruntime", "processors_problem")
