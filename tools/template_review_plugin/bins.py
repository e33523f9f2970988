# SPDX-License-Identifier: Apache-2.0
"""The bin policy: which class of item goes into which bin, wherever a template holds it."""

import re

from template_review.comparison.leaves import said
from template_review.comparison.properties import resources
from template_review.model import Item, Level, Pair, Section

_POLICY = re.compile(r"(?:^|[.\]])classes\.(?P<name>[^.\[]+)$")
_COLOUR = re.compile(r"(?:^|[.\]])colours\[(?P<bin>\d+)\]$")
_BESIDE = re.compile(r"(?:^|[.\]])(?P<name>default|unsure_below)$")


def bin_items(pair: Pair) -> list[Item]:
    """The classes that moved and the bins that changed, once, however many places hold them."""
    moved: dict[str, None] = {}
    claims: list[str] = []
    for kept in resources(pair):
        if kept.old is None or kept.new is None:
            continue
        found = kept.leaves
        policies = {
            leaf.path[: match.start()]
            for leaf in found
            if (match := _policy(leaf.path) or _COLOUR.search(leaf.path))
        }
        for leaf in found:
            match = _policy(leaf.path) or _COLOUR.search(leaf.path)
            if match is None or leaf.path[: match.start()] not in policies:
                continue
            moved[f"{_words(match)}: {said(leaf.before)} -> {said(leaf.after)}"] = None
            claims.append(kept.claim(leaf.path))
    if not moved:
        return []
    text = f"the bin policy changes: {'; '.join(moved)}"
    return [Item(Section.GREENGRASS, Level.LOOK, "bin policy", text, claims=tuple(claims))]


def _words(match: re.Match[str]) -> str:
    """What a place in the policy is, for people."""
    if match.re is _COLOUR:
        return f"bin {int(match.group('bin')) + 1}"
    name = match.group("name")
    return {"default": "what no class fits", "unsure_below": "unsure below"}.get(name, name)


def _policy(path: str) -> re.Match[str] | None:
    return _POLICY.search(path) or _BESIDE.search(path)
