# SPDX-License-Identifier: Apache-2.0
"""The configuration of this server process; the server sets it once at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ministack_edge.differences import DIFFERENCES
from ministack_edge.extension import Extension


@dataclass
class ServerConfig:
    """Where jobs keep their folders, and what they call and use."""

    work: Path = Path("/nonexistent")
    endpoint: str = ""
    extensions: tuple[Extension, ...] = ()
    quotas: Mapping[str, int] = field(default_factory=dict)
    """Machines that accounts may use at once, by the quota's name, where it is not enough."""

    @property
    def differences(self) -> list[str]:
        """What this server does differently from AWS, its extensions included."""
        return [*DIFFERENCES, *(one for each in self.extensions for one in each.differences)]


config = ServerConfig()
