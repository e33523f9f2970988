# SPDX-License-Identifier: Apache-2.0
"""Where this server is and what it may use; the server sets it once at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Place:
    """Where jobs keep their folders, and what they call and use."""

    work: Path = Path("/nonexistent")
    endpoint: str = ""
    weights: Path | None = None
    """Pretrained weights that stand in for those of a hub."""
    quotas: Mapping[str, int] = field(default_factory=dict)
    """Machines that accounts may use at once, by the quota's name, where it is not enough."""


place = Place()
