# SPDX-License-Identifier: Apache-2.0
"""Patterns of policies: * for anything, ? for one letter."""

import re
from functools import cache


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether everything that ``text`` names is named by ``pattern`` (with * and ?) too."""
    if pattern == text:
        return True
    if pattern.startswith(("anything but", "everything in")):
        return False
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


@cache
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = (
        ".*" if part == "*" else "." if part == "?" else re.escape(part)
        for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.IGNORECASE if ignore_case else 0)
