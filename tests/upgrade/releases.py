# SPDX-License-Identifier: Apache-2.0
"""Assemblies of two releases, and what an upgrade from one to the other did to what was there."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rehearsal.aws_client import STACKS, Cloud
from template_review.resources.stateful import holds

Template = dict[str, Any]


def altered(assembly: Path, target: Path, stack: str, change: Callable[[Template], None]) -> Path:
    """A copy of an assembly with one template changed, under the digest it would then have."""
    if not target.exists():
        shutil.copytree(assembly, target)
    file = target / f"{stack}.template.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    text = json.dumps(document, indent=1)
    assets = target / f"{stack}.assets.json"
    [old] = [
        digest
        for digest, each in json.loads(assets.read_text(encoding="utf-8"))["files"].items()
        if each["source"]["path"] == file.name
    ]
    # The command line uploads a template under its digest, and never twice.
    new = hashlib.sha256(text.encode()).hexdigest()
    file.write_text(text, encoding="utf-8")
    for path in (assets, target / "manifest.json"):
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return target


def physical_ids(cloud: Cloud) -> dict[tuple[str, str], str]:
    """The physical id of every stateful resource by stack and logical id."""
    found = {}
    for stack in STACKS:
        pages = cloud.client("cloudformation").get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=f"{cloud.prefix}-{stack}"):
            for each in page["StackResourceSummaries"]:
                if holds(each["ResourceType"]):
                    key = (stack.capitalize(), each["LogicalResourceId"])
                    found[key] = each["PhysicalResourceId"]
    return found


def lost(
    before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]
) -> list[tuple[str, str, str]]:
    """What is not the same any more: stack, logical id, ``replaced`` or ``removed``."""
    return [
        (*key, "replaced" if key in after else "removed")
        for key, physical in sorted(before.items())
        if after.get(key) != physical
    ]
