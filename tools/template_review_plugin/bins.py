# SPDX-License-Identifier: Apache-2.0
"""The bin policy: which class of item goes into which bin, wherever a template holds it."""

import re

from template_review.comparison.leaves import said
from template_review.comparison.properties import resources
from template_review.model import Item, Level, Pair, Section

_POLICY = re.compile(r"(?:^|[.\]])classes\.(?P<name>[^.\[]+)$")
_BESIDE = re.compile(r"(?:^|[.\]])(?P<name>default|unsure_below)$")


def bin_items(pair: Pair) -> list[Item]:
    """The classes that moved, once, however many places hold the policy."""
    moved: dict[str, None] = {}
    claims: list[str] = []
    for kept in resources(pair):
        if kept.old is None or kept.new is None:
            continue
        found = kept.leaves
        policies = {leaf.path[: match.start()] for leaf in found if (match := _policy(leaf.path))}
        for leaf in found:
            match = _policy(leaf.path)
            if match is None or leaf.path[: match.start()] not in policies:
                continue
            name = match.group("name")
            what = {"default": "what no class fits", "unsure_below": "unsure below"}.get(name, name)
            moved[f"{what}: {said(leaf.before)} -> {said(leaf.after)}"] = None
            claims.append(kept.claim(leaf.path))
    if not moved:
        return []
    text = f"the bin policy changes: {'; '.join(moved)}"
    return [Item(Section.GREENGRASS, Level.LOOK, "bin policy", text, claims=tuple(claims))]


def _policy(path: str) -> re.Match[str] | None:
    return _POLICY.search(path) or _BESIDE.search(path)
