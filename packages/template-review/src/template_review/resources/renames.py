# SPDX-License-Identifier: Apache-2.0
"""Logical ids that changed: a removal and an addition which are one resource to its author.

CloudFormation knows no rename. It makes the new one, then deletes the old one with all it holds.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from template_review.comparison.properties import flat
from template_review.comparison.text import compact, short
from template_review.model import Pair, Stack
from template_review.resources.stateful import NEW_BY_DESIGN

ALIKE = 0.85
"""From this similarity on, a removed and an added resource are taken for one."""


class Rename(NamedTuple):
    """A resource under another logical id, or in another stack."""

    old_stack: str
    old_id: str
    new_stack: str
    new_id: str
    type: str


def renames(pair: Pair) -> list[Rename]:
    """The most likely pairs of removed and added resources, best matches first."""
    removed, added = list(_loose(pair, gone=True)), list(_loose(pair, gone=False))
    candidates = sorted(
        (
            (-_likeness(before, after), old, new)
            for old, before in removed
            for new, after in added
            if before.get("Type") == after.get("Type")
        ),
        key=lambda found: (found[0], found[1], found[2]),
    )
    found: list[Rename] = []
    used: set[tuple[str, str, str]] = set()
    for likeness, old, new in candidates:
        if -likeness < ALIKE or ("old", *old) in used or ("new", *new) in used:
            continue
        used |= {("old", *old), ("new", *new)}
        resource_type = str(dict(removed)[old].get("Type"))
        found.append(Rename(*old, *new, resource_type))
    return found


def _loose(pair: Pair, *, gone: bool) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """The resources that only one side has."""
    mine, other = (pair.base, pair.head) if gone else (pair.head, pair.base)
    if mine is None or other is None:
        return
    for stack in mine.stacks.values():
        counterpart: Stack | None = other.stacks.get(stack.id)
        known = counterpart.resources if counterpart else {}
        for name, resource in stack.resources.items():
            if name not in known and resource.get("Type") not in NEW_BY_DESIGN:
                yield (stack.id, name), resource


def _likeness(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """The share of property values that both have in the same place."""
    one, two = _leaves(before), _leaves(after)
    return 2 * len(one & two) / (len(one) + len(two)) if one or two else 1.0


def _leaves(resource: Mapping[str, Any]) -> set[tuple[str, str]]:
    """References by readable name: what is renamed together stays alike."""
    return {
        (path, short(value) if isinstance(value, str) else compact(value))
        for path, value in flat(resource.get("Properties") or {})
    }
