# SPDX-License-Identifier: Apache-2.0
"""Which acknowledgements of this pack's findings still acknowledge something."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.checks.rule import PACK

METADATA = "aws:cdk:acknowledged-rules"


def stale(assembly: Path) -> list[str]:
    """Acknowledgements in a written assembly that no finding needs, as 'id at construct path'."""
    used = set(_used(assembly / "validation-report.json"))
    given = {
        (finding, path)
        for file in assembly.rglob("*.metadata.json")
        for path, finding in _given(json.loads(file.read_text(encoding="utf-8")))
    }
    return [f"{finding} at {path}" for finding, path in sorted(given - used)]


def _given(metadata: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, entries in metadata.items():
        for entry in entries:
            if entry["type"] == METADATA:
                for finding in entry["data"]:
                    # One without the pack's name, or with a misspelt id, covers nothing either.
                    if PACK in finding or "BINSIGHT-" in finding:
                        yield path.removeprefix("/"), finding


def _used(report: Path) -> Iterator[tuple[str, str]]:
    if not report.is_file():  # written only when there is something to report
        return
    for plugin in json.loads(report.read_text(encoding="utf-8"))["pluginReports"]:
        for violation in plugin.get("suppressedViolations") or []:
            yield violation["acknowledgedId"], violation["acknowledgedAt"]
