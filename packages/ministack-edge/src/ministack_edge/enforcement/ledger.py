# SPDX-License-Identifier: Apache-2.0
"""Every decision on one line: principal, action, resource, result and the deciding statement.

The file is `permissions.jsonl` in the server's work folder. Its lines are what the coverage of
permissions is computed from. Beside it, `requests.jsonl` has the same decisions, each once, with
the condition keys that were there: enough for another judge to decide them again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
    """Appends decisions to a file; `stage` is the rehearsal's current stage."""

    path: Path | None = None
    stage: str = ""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[str] = set()

    def start(self, path: Path) -> None:
        """Begin a new file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        for file in (path, self.requests(path)):
            file.write_text("")
        self.path = path
        # Line by line: others read the file while this process writes.
        self._lines = path.open("a", buffering=1, encoding="utf-8")

    @staticmethod
    def requests(path: Path) -> Path:
        """Where the requests are kept, beside the decisions."""
        return path.with_name("requests.jsonl")

    def record(self, decision: Decision, context: Mapping[str, Any] | None = None) -> None:
        """Write one line, and the request with its condition keys where it is a new one.

        Without a file (nothing was started) it is dropped.
        """
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
        request = json.dumps({**line, "context": dict(context or {})}, default=str)
        with self._lock:
            self._lines.write(json.dumps(line) + "\n")
            if context is not None and request not in self._known:
                self._known.add(request)
                with self.requests(self.path).open("a", encoding="utf-8") as file:
                    file.write(request + "\n")


ledger = Ledger()
