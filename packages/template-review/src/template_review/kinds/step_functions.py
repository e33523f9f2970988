# SPDX-License-Identifier: Apache-2.0
"""State machines: which states still stand before which, and where choices and errors lead.

A state that every way to another one passes through guards it. When it no longer does, the other
one can be reached without it, whatever the definition looks like.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.leaves import Leaf, differing, expanded
from template_review.comparison.properties import Kept, resources
from template_review.comparison.text import shown
from template_review.model import Item, Level, Pair, Section

TYPE = "AWS::StepFunctions::StateMachine"
_WAITS = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
_WORDS = {"Comment"}


def machine_items(pair: Pair) -> list[Item]:
    """What changes in every state machine's definition."""
    items: list[Item] = []
    for kept in resources(pair, TYPE):
        if kept.old is None or kept.new is None:
            continue
        old, new = definition(kept.old), definition(kept.new)
        if old and new and old != new:
            found = list(_compared(kept, old, new))
            items += found or [_plain(kept, old, new)]
    return items


def definition(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The states of a machine; empty if they cannot be read."""
    for key in ("DefinitionString", "Definition"):
        found = expanded(properties.get(key))
        if isinstance(found, dict) and isinstance(found.get("States"), dict):
            return found
    return {}


def _compared(kept: Kept, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Item]:
    yield from _unguarded(kept, old, new)
    for name, one in old["States"].items():
        two = new["States"].get(name)
        if two is not None and one != two:
            yield from _state(kept, name, one, two)
    for name in sorted(new["States"].keys() - old["States"].keys()):
        text = f"state {name} ({new['States'][name].get('Type')}) added"
        details = differing({}, new["States"][name])
        yield _item(Level.LOOK, kept, text, details, sign="+")
    for name in sorted(old["States"].keys() - new["States"].keys()):
        text = f"state {name} ({old['States'][name].get('Type')}) removed"
        yield _item(Level.DANGEROUS, kept, text, sign="-")
    rest = [leaf for leaf in differing(old, new) if not leaf.path.startswith("States.")]
    for leaf in rest:
        if leaf.path not in _WORDS:
            yield _item(Level.LOOK, kept, leaf.text)


def _unguarded(kept: Kept, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Item]:
    """States that can be reached without one that stood before them."""
    before, after = dominators(old), dominators(new)
    freed: dict[str, list[str]] = {}
    for name, guards in before.items():
        if name in after:
            for guard in guards - after[name] - {name}:
                freed.setdefault(guard, []).append(name)
    for guard, names in sorted(freed.items()):
        kind = old["States"][guard].get("Type")
        text = f"{', '.join(sorted(names))} can be reached without {guard} ({kind})"
        yield _item(Level.DANGEROUS, kept, text)


def _state(kept: Kept, name: str, one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[Item]:
    found = [leaf for leaf in differing(one, two) if leaf.name not in _WORDS]
    if not found:
        return
    level, why = _judged(one, two, found)
    text = f"state {name}: {found[0].text}{why}"
    yield _item(level, kept, text, found[1:])


def _judged(one: Mapping[str, Any], two: Mapping[str, Any], found: list[Leaf]) -> tuple[Level, str]:
    paths = {leaf.top for leaf in found}
    kind = one.get("Type")
    if kind == "Wait" and kind == two.get("Type") and paths & set(_WAITS):
        return _wait(one, two)
    for applies, why in (
        (kind != two.get("Type"), "it does something else now"),
        (kind == "Choice" and "Default" in paths, "what no choice takes leads elsewhere"),
        (kind == "Choice" and "Choices" in paths, "it decides otherwise"),
        (one.get("Catch") and not two.get("Catch"), "its errors are not caught any more"),
        (paths & {"Catch", "Next", "End"}, "it leads elsewhere"),
    ):
        if applies:
            return Level.DANGEROUS, f": {why}"
    return Level.LOOK, ""


def _wait(one: Mapping[str, Any], two: Mapping[str, Any]) -> tuple[Level, str]:
    was, now = one.get("Seconds"), two.get("Seconds")
    if not isinstance(was, int | float) or not isinstance(now, int | float):
        return Level.LOOK, ": it waits for something else"
    if now >= was:
        return Level.LOOK, ": it waits longer"
    if now <= was / 10:
        return Level.DANGEROUS, ": it hardly waits any more for anything to show"
    return Level.LOOK, ": it waits shorter"


def _plain(kept: Kept, old: Mapping[str, Any], new: Mapping[str, Any]) -> Item:
    found = differing(old, new)
    words = all(leaf.name in _WORDS for leaf in found)
    text = "the definition's comments change" if words else "the definition changes"
    return _item(Level.SAFE if words else Level.LOOK, kept, text, found)


def dominators(machine: Mapping[str, Any]) -> dict[str, set[str]]:
    """For every state that can be reached: the states that each way to it passes through."""
    states: Mapping[str, Any] = machine["States"]
    start = str(machine.get("StartAt"))
    ways = {name: set(_successors(state)) & states.keys() for name, state in states.items()}
    reached, left = set(), [start] if start in states else []
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += ways[name]
    found = {name: set(reached) for name in reached}
    if start in found:
        found[start] = {start}
    changed = True
    while changed:
        changed = False
        for name in sorted(reached - {start}):
            before = [found[other] for other in reached if name in ways[other]]
            new = {name} | (set.intersection(*before) if before else set())
            changed |= new != found[name]
            found[name] = new
    return found


def _successors(state: Mapping[str, Any]) -> Iterator[str]:
    for key in ("Next", "Default"):
        if key in state:
            yield str(state[key])
    for holder in (*(state.get("Choices") or ()), *(state.get("Catch") or ())):
        if "Next" in holder:
            yield str(holder["Next"])


def _item(
    level: Level, kept: Kept, text: str, details: list[Leaf] | None = None, *, sign: str = "~"
) -> Item:
    return Item(
        Section.WATCHERS,
        level,
        kept.subject,
        shown(text),
        sign,
        tuple(leaf.text for leaf in details or ()),
        claims=(kept.claim("DefinitionString"), kept.claim("Definition")),
    )
