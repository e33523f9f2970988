# SPDX-License-Identifier: Apache-2.0
"""Stacks that move to another account or region, or get another name: one line says it.

Every resource then differs by where it is. That is one cause, so the base is compared as if it
were already there; what else differs shows by itself.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from template_review.model import Assembly, Item, Level, Section, Stack
from template_review.resources.stateful import holds


def follow(base: Assembly | None, head: Assembly | None) -> tuple[Assembly | None, list[Item]]:
    """The base as if it were where the head is, and what moved."""
    if base is None or head is None:
        return base, []
    words = dict(_words(base, head))
    if not words:
        return base, []
    stacks = {
        key: _moved(stack, head.stacks[key], words) if key in head.stacks else stack
        for key, stack in base.stacks.items()
    }
    # Acknowledgements name ARNs, which hold the place as well.
    findings = [
        replace(each, rule=_put(each.rule, words), where=_put(each.where, words))
        for each in base.findings
    ]
    there = replace(base, prefix=head.prefix, stacks=stacks, findings=findings)
    return there, list(_items(base, head))


def _words(base: Assembly, head: Assembly) -> Iterator[tuple[str, str]]:
    """What is written differently wherever a place or a name is written."""
    for key, after in head.stacks.items():
        before = base.stacks.get(key)
        if before is None:
            continue
        if before.name != after.name:
            yield before.name, after.name
        for old, new in ((before.account, after.account), (before.region, after.region)):
            if old != new and old and new:
                yield old, new
    if base.prefix != head.prefix and base.prefix and head.prefix:
        yield base.prefix, head.prefix
        yield base.prefix.replace("-", "_"), head.prefix.replace("-", "_")


def _moved(stack: Stack, after: Stack, words: dict[str, str]) -> Stack:
    return replace(
        stack,
        name=after.name,
        account=after.account,
        region=after.region,
        template=json.loads(_put(json.dumps(stack.template), words)),
    )


def _put(text: str, words: dict[str, str]) -> str:
    for old in sorted(words, key=len, reverse=True):
        text = text.replace(old, words[old])
    return text


def _items(base: Assembly, head: Assembly) -> Iterator[Item]:
    named: list[tuple[Stack, Stack]] = []
    placed: dict[tuple[str, str], list[Stack]] = {}
    for key, after in head.stacks.items():
        before = base.stacks.get(key)
        if before is None:
            continue
        if before.name != after.name:
            named.append((before, after))
        places = tuple(f"{one.account}/{one.region}" for one in (before, after))
        if places[0] != places[1]:
            placed.setdefault((places[0], places[1]), []).append(before)
    if named:
        old, new = named[0]
        text = (
            f"renamed from {old.name} to {new.name}: CloudFormation makes a second stack beside "
            f"the first; everything stateful starts empty ({_stored([one for one, _ in named])})"
        )
        details = tuple(f"{one.name} -> {two.name}" for one, two in named)
        yield _item(_who([new.id for _, new in named]), text, details)
    for (old_place, new_place), stacks in placed.items():
        text = (
            f"moves from {old_place} to {new_place}: a new stack there, the old one stays behind "
            f"with what it holds ({_stored(stacks)})"
        )
        yield _item(_who([one.id for one in stacks]), text, tuple(one.name for one in stacks))


def _stored(stacks: list[Stack]) -> str:
    count = sum(
        holds(resource.get("Type")) is not None
        for stack in stacks
        for resource in stack.resources.values()
    )
    return f"{count} stateful resources"


def _who(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} stacks"


def _item(subject: str, text: str, details: tuple[str, ...]) -> Item:
    more = details if len(details) > 1 else ()
    return Item(Section.STACKS, Level.DANGEROUS, subject, text, "!", more)
