# SPDX-License-Identifier: Apache-2.0
"""The numbers with which Binsight holds back a weak model or a bad rollout."""

from collections.abc import Iterator

from tools.review.leaves import Leaf
from tools.review.model import Item, Level, Pair, Section
from tools.review.project import Gate
from tools.review.properties import Kept, resources

_WEAK = "weaker models pass the gate"
_FAILING = "a rollout goes on although more cameras fail"
GATES = (
    Gate("minimumaccuracy", True, 0.0, _WEAK),
    Gate("minimumrecall", True, 0.0, _WEAK + " (a class may be found less often)"),
    Gate("maximumint8loss", False, 100.0, "models that lose more by their compression pass"),
    Gate("tolerance", False, 100.0, "models worse than the one in service pass"),
    Gate("maximumfailedpercent", False, 100.0, _FAILING + "; at 100 it is never aborted"),
    Gate("bakeminutes", True, 0.0, "the fleet follows before the canaries show anything"),
)


def gate_items(pair: Pair) -> list[Item]:
    """Gates that are variables of functions; those of pipelines are said there."""
    items: list[Item] = []
    for kept in resources(pair, "AWS::Lambda::Function"):
        if kept.old is not None and kept.new is not None:
            items += _of(kept, kept.leaves)
    return items


def _of(kept: Kept, found: list[Leaf]) -> Iterator[Item]:
    for leaf in found:
        gate = next((one for one in GATES if one.matches(leaf.name)), None)
        if gate is None:
            continue
        now = gate.off if leaf.after is None else leaf.after
        level, why = gate.judge(leaf.before, now) or (Level.LOOK, "no number")
        text = f"{leaf.text}: {why}"
        claims = (kept.claim(leaf.path),)
        yield Item(Section.WATCHERS, level, kept.subject, text, claims=claims)
