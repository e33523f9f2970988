# SPDX-License-Identifier: Apache-2.0
"""Every decision, a line each: who asked for what, whether it was allowed, and by which statement.

The file is `permissions.jsonl` in the server's work folder. Its lines are what the coverage of
permissions is computed from.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision of one call."""

    principal: str
    """ARN of the role, user or root user; a session counts as its role."""
    action: str
    resource: str
    allowed: bool
    by: str
    """The deciding statement as `<policy>/<Sid or number>`, or why nothing decided."""


@dataclass
class Ledger:
    """Appends decisions to a file; `stage` is what the rehearsal does at the moment."""

    path: Path | None = None
    stage: str = ""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def start(self, path: Path) -> None:
        """Begin a new file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        self.path = path

    def record(self, decision: Decision) -> None:
        """Write one line. Without a file (nothing was started) it is dropped."""
        if self.path is None:
            return
        line = {
            "stage": self.stage,
            "principal": decision.principal,
            "action": decision.action,
            "resource": decision.resource,
            "decision": "allow" if decision.allowed else "deny",
            "by": decision.by,
        }
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


ledger = Ledger()
