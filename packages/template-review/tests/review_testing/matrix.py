# SPDX-License-Identifier: Apache-2.0
"""Confusion matrices as text."""

from collections import Counter
from collections.abc import Sequence

from template_review.model import Level


def matrix(title: str, expected: str, pairs: Sequence[tuple[Level, Level]]) -> str:
    """How many changes that are ``expected`` to be one thing are called which."""
    counts = Counter(pairs)
    names = [level.words for level in Level]
    lines = [f"{title}, {len(pairs)} changes, judged as:"]
    lines.append(f"{expected:>14} | " + " ".join(f"{name:>12}" for name in names))
    for level in Level:
        row = " ".join(f"{counts[level, found]:12d}" for found in Level)
        lines.append(f"{level.words:>14} | {row}")
    return "\n".join(lines)
