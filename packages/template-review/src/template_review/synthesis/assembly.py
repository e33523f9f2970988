# SPDX-License-Identifier: Apache-2.0
"""A synthesised cloud assembly, read from its folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from template_review.errors import ReviewError
from template_review.kinds.assets import read_asset
from template_review.kinds.findings import read_findings
from template_review.model import Assembly, Asset, Stack

_STACK = "aws:cloudformation:stack"


def read_assembly(folder: Path, environment: str, prefix: str = "") -> Assembly:
    """Templates, asset contents and rule findings of one environment."""
    manifest = _read(folder / "manifest.json")
    stacks: dict[str, Stack] = {}
    assets: dict[str, Asset] = {}
    for key, artifact in (manifest.get("artifacts") or {}).items():
        if artifact.get("type") != _STACK:
            continue
        properties = artifact["properties"]
        _, _, place = str(artifact["environment"]).partition("://")
        account, _, region = place.partition("/")
        stacks[key] = Stack(
            id=key,
            name=str(properties.get("stackName", key)),
            account=account,
            region=region,
            template=_read(folder / properties["templateFile"]),
            termination_protection=bool(properties.get("terminationProtection")),
            tags={str(key): str(value) for key, value in (properties.get("tags") or {}).items()},
        )
        assets |= _assets(folder, key)
    report = folder / "validation-report.json"
    findings = read_findings(_read(report) if report.exists() else {}, stacks)
    return Assembly(environment, prefix, stacks, assets, findings)


def _assets(folder: Path, stack: str) -> dict[str, Asset]:
    path = folder / f"{stack}.assets.json"
    if not path.exists():
        return {}
    found = {}
    for digest, file in (_read(path).get("files") or {}).items():
        source = folder / str(file["source"].get("path", ""))
        if source.name.endswith(".template.json") or not source.exists():
            continue
        name = str(file.get("displayName", source.name))
        found[digest] = read_asset(name if name.startswith(stack) else f"{stack}/{name}", source)
    return found


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReviewError(f"{path}: not a readable assembly file: {error}") from error
    return document
