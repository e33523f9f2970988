# SPDX-License-Identifier: Apache-2.0
"""The project's gates where they are variables of functions; sagemaker/ has those of pipelines."""

from collections.abc import Iterator

from template_review.comparison.properties import Kept, resources
from template_review.model import Item, Level, Pair, Project, Section


def gate_items(pair: Pair) -> list[Item]:
    """How each gate that is a variable of a function changes."""
    items: list[Item] = []
    for kept in resources(pair, "AWS::Lambda::Function"):
        if kept.old is not None and kept.new is not None:
            items += _of(kept, pair.project)
    return items


def _of(kept: Kept, project: Project) -> Iterator[Item]:
    for leaf in kept.leaves:
        gate = project.gate(leaf.name)
        if gate is None:
            continue
        now = gate.off if leaf.after is None else leaf.after
        level, why = gate.judge(leaf.before, now) or (Level.LOOK, "no number")
        text = f"{leaf.text}: {why}"
        claims = (kept.claim(leaf.path),)
        yield Item(Section.WATCHERS, level, kept.subject, text, claims=claims)
