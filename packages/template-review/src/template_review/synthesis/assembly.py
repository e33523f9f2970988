# SPDX-License-Identifier: Apache-2.0
"""A synthesised cloud assembly, read from its folder."""

from pathlib import Path

from template_review.kinds.assets import read_asset
from template_review.kinds.findings import read_findings
from template_review.model import Assembly, Asset, Stack
from template_review.synthesis.template import read_json, with_nested

_STACK = "aws:cloudformation:stack"
_STAGE = "cdk:cloud-assembly"


def read_assembly(folder: Path, environment: str, prefix: str = "") -> Assembly:
    """Templates, asset contents and rule findings of one environment.

    Nested stacks and the stacks of stages (``Stage``) stand beside the others.
    """
    stacks, assets = _stacks_in(folder)
    report = folder / "validation-report.json"
    findings = read_findings(read_json(report) if report.exists() else {}, stacks)
    return Assembly(environment, prefix, stacks, assets, findings)


def _stacks_in(folder: Path) -> tuple[dict[str, Stack], dict[str, Asset]]:
    manifest = read_json(folder / "manifest.json")
    stacks: dict[str, Stack] = {}
    assets: dict[str, Asset] = {}
    for key, artifact in (manifest.get("artifacts") or {}).items():
        if artifact.get("type") == _STAGE:
            inner, files = _stacks_in(folder / artifact["properties"]["directoryName"])
            stacks |= inner
            assets |= files
        if artifact.get("type") != _STACK:
            continue
        properties = artifact["properties"]
        _, _, place = str(artifact["environment"]).partition("://")
        account, _, region = place.partition("/")
        stack = Stack(
            id=key,
            name=str(properties.get("stackName", key)),
            account=account,
            region=region,
            template=read_json(folder / properties["templateFile"]),
            termination_protection=bool(properties.get("terminationProtection")),
            tags={str(key): str(value) for key, value in (properties.get("tags") or {}).items()},
        )
        stacks |= {each.id: each for each in with_nested(folder, stack)}
        assets |= _assets(folder, key)
    return stacks, assets


def _assets(folder: Path, stack: str) -> dict[str, Asset]:
    path = folder / f"{stack}.assets.json"
    if not path.exists():
        return {}
    found = {}
    for digest, file in (read_json(path).get("files") or {}).items():
        source = folder / str(file["source"].get("path", ""))
        if source.name.endswith(".template.json") or not source.exists():
            continue
        name = str(file.get("displayName", source.name))
        found[digest] = read_asset(name if name.startswith(stack) else f"{stack}/{name}", source)
    return found
