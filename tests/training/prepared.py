# SPDX-License-Identifier: Apache-2.0
"""Looks into what prepare wrote."""

from pathlib import Path
from typing import Any


def stored(output: Path, source: str) -> Path:
    """The prepared file of one source photo."""
    found = list(output.glob(f"*/*/*-{Path(source).stem}.*"))
    assert len(found) == 1, (source, found)
    return found[0]


def split_of(document: dict[str, Any], source: str) -> str:
    """The split that a source photo went to."""
    return next(name for name, paths in document["splits"].items() if source in paths)
