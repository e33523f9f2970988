# SPDX-License-Identifier: Apache-2.0
"""What is acknowledged in a written assembly, and which of this pack's it needs no more."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.checks.rule import PACK

METADATA = "aws:cdk:acknowledged-rules"
_UNQUALIFIED = "Annotation::"
"""What the CDK puts before an id that names no pack, which is how cdk-nag's are given."""


@dataclass(frozen=True, kw_only=True, order=True)
class Acknowledgement:
    """One finding that is accepted on one construct."""

    path: str
    finding: str
    reason: str


def acknowledgements(assembly: Path) -> list[Acknowledgement]:
    """All acknowledgements that an assembly was synthesised with, by construct path."""
    return sorted(
        {
            Acknowledgement(
                path=path.removeprefix("/"),
                finding=finding.removeprefix(_UNQUALIFIED),
                reason=reason,
            )
            for file in assembly.rglob("*.metadata.json")
            for path, entries in json.loads(file.read_text(encoding="utf-8")).items()
            for entry in entries
            if entry["type"] == METADATA
            for finding, reason in entry["data"].items()
        }
    )


def stale(assembly: Path) -> list[str]:
    """Acknowledgements of this pack that no finding needs, as 'id at construct path'."""
    used = set(_used(assembly / "validation-report.json"))
    return [
        f"{one.finding} at {one.path}"
        for one in acknowledgements(assembly)
        # One without the pack's name, or with a misspelt id, covers nothing either.
        if (PACK in one.finding or "BINSIGHT-" in one.finding)
        and (one.finding, one.path) not in used
    ]


def _used(report: Path) -> Iterator[tuple[str, str]]:
    if not report.is_file():  # written only when there is something to report
        return
    for plugin in json.loads(report.read_text(encoding="utf-8"))["pluginReports"]:
        for violation in plugin.get("suppressedViolations") or []:
            yield violation["acknowledgedId"], violation["acknowledgedAt"]
