# SPDX-License-Identifier: Apache-2.0
"""onnxruntime, imported where it can be.

On a Linux machine that lists its processors nowhere (a container or a sandbox with neither /sys nor
a filled /proc/cpuinfo) its import reads past an empty list. It ends with SIGSEGV and not a word, or
it works, by what happens to be in memory there: the same command did one thing on one machine and
the other on the next. So the lists are checked, and a trial would prove nothing.
"""

import sys
from pathlib import Path

_LISTS = ("sys/devices/system/cpu/possible", "sys/devices/system/cpu/present")
_CPUINFO = "proc/cpuinfo"


def processors_problem(root: Path) -> str:
    """Why onnxruntime cannot be imported under this root folder; empty where it can.

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
