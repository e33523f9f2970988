# SPDX-License-Identifier: Apache-2.0
"""The acknowledged findings of a written assembly."""

import json
from dataclasses import dataclass
from pathlib import Path

METADATA = "aws:cdk:acknowledged-rules"
_UNQUALIFIED = "Annotation::"
"""Prefix that the CDK adds to an id without a pack's name, such as those of cdk-nag."""


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
