# SPDX-License-Identifier: Apache-2.0
"""Acknowledgements of Binsight's own rule pack that no finding needs any more."""

import json
from collections.abc import Iterator
from pathlib import Path

from infra.checks.acknowledgements import acknowledgements
from infra.checks.rule import PACK


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
