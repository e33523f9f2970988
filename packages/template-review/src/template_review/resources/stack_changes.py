# SPDX-License-Identifier: Apache-2.0
"""Changes of whole environments and stacks: new, gone, renamed, moved, exports in use."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.leaves import differing, said
from template_review.comparison.text import Texts, shown
from template_review.model import Item, Level, Pair, Section, Stack
from template_review.resources.stateful import holds
from template_review.resources.template_sections import secret_in, section_items


def stack_items(pair: Pair) -> list[Item]:
    """What happens to the environment's stacks."""
    base, head = pair.base, pair.head
    if head is None:
        text = "the environment's file is gone: its stacks stay deployed and nobody owns them"
        return [_item(Level.LOOK, "environment", f"{text}; destroy them first", sign="-")]
    if base is None:
        count = sum(len(stack.resources) for stack in head.stacks.values())
        text = f"new environment: {len(head.stacks)} stacks, {count} resources, nothing to compare"
        return [_item(Level.LOOK, "environment", text, sign="+")]
    items: list[Item] = list(pair.moves)
    for key in sorted(base.stacks.keys() - head.stacks.keys()):
        items.append(_removed(base.stacks[key]))
    for key in sorted(head.stacks.keys() - base.stacks.keys()):
        count = len(head.stacks[key].resources)
        items.append(_item(Level.SAFE, key, f"new stack with {count} resources", sign="+"))
    for before, after in pair.both():
        items += _compared(before, after)
    items += _exports(pair)
    return items


def _removed(stack: Stack) -> Item:
    kept = [name for name, resource in stack.resources.items() if holds(resource.get("Type"))]
    if stack.nested:
        # Unlike an app's own stack, it is deleted with the resource that stands for it.
        gone = "what is in it is deleted" if kept else "it is deleted"
        text = f"nested stack removed: {gone} ({len(stack.resources)} resources)"
        level = Level.DANGEROUS if kept else Level.LOOK
        details = tuple(shown(f"«{name}»: {stack.resources[name]['Type']}") for name in kept)
        return _item(level, stack.id, text, sign="-", details=details)
    if kept:
        text = f"the stack is gone with {len(kept)} stateful resources"
        details = tuple(shown(f"«{name}»: {stack.resources[name]['Type']}") for name in kept)
        return _item(Level.DANGEROUS, stack.id, text, sign="-", details=details)
    text = "the stack is gone from the app; it stays deployed until somebody destroys it"
    return _item(Level.LOOK, stack.id, text, sign="-")


def _compared(before: Stack, after: Stack) -> Iterator[Item]:
    if before.termination_protection and not after.termination_protection:
        text = "termination protection is turned off"
        yield _item(Level.DANGEROUS, after.id, text, cause=text)
    if after.termination_protection and not before.termination_protection:
        text = "termination protection is turned on"
        yield _item(Level.SAFE, after.id, text, cause=text)
    yield from section_items(before, after)
    yield from _outputs(before, after)
    for leaf in differing({"tag": dict(before.tags)}, {"tag": dict(after.tags)}):
        yield _item(Level.SAFE, after.id, f"every resource: {leaf.text}", cause=leaf.text)
    old, new = before.template.get("Description"), after.template.get("Description")
    if old != new:
        yield _item(Level.SAFE, after.id, f"description: {said(old)} -> {said(new)}")


def _outputs(before: Stack, after: Stack) -> Iterator[Item]:
    """What scripts and people read; exports are judged by whether somebody imports them."""
    old, new = _own_outputs(before), _own_outputs(after)
    for name in sorted({*old, *new}):
        one, two = old.get(name), new.get(name)
        if two is not None and one != two and (secret := secret_in(two.get("Value"), after)):
            text = f"output {name} shows {secret} to everyone who can read the stack"
            yield _item(Level.DANGEROUS, after.id, text, sign="+")
        elif one is None:
            yield _item(Level.SAFE, after.id, f"output {name} added", sign="+")
        elif two is None:
            text = f"outputs gone: {name}; scripts that read it break"
            yield _item(Level.LOOK, after.id, text, sign="-")
        else:
            found = differing(one, two)
            words = all(leaf.name == "Description" for leaf in found)
            for leaf in found:
                level = Level.SAFE if words else Level.LOOK
                yield _item(level, after.id, f"output {name}: {leaf.text}")
    exports = _all_outputs(after).keys() ^ _all_outputs(before).keys()
    count = len({name for name in exports if name.startswith(_EXPORT)})
    if count:
        yield _item(Level.SAFE, after.id, f"{count} exports to other stacks come or go")


_EXPORT = "ExportsOutput"


def _all_outputs(stack: Stack) -> Mapping[str, Any]:
    found: Mapping[str, Any] = stack.template.get("Outputs") or {}
    return found


def _own_outputs(stack: Stack) -> dict[str, Any]:
    # The CDK's own exports are judged by whether somebody imports them.
    return {
        name: value for name, value in _all_outputs(stack).items() if not name.startswith(_EXPORT)
    }


def _exports(pair: Pair) -> Iterator[Item]:
    """An export that a deployed stack still imports cannot be removed or changed."""
    assert pair.base is not None  # noqa: S101 - the caller has checked
    assert pair.head is not None  # noqa: S101
    imported: dict[str, list[str]] = {}
    for stack in pair.base.stacks.values():
        for name in _imports(stack.template.get("Resources"), Texts(pair.base), stack):
            imported.setdefault(name, []).append(stack.id)
    texts_before, texts_after = Texts(pair.base), Texts(pair.head)
    for before, after in pair.both():
        if before.name != after.name:
            continue
        new = dict(_exported(after, texts_after))
        for name, value in _exported(before, texts_before):
            users = sorted(set(imported.get(name, ())))
            if users and name not in new:
                yield _item(
                    Level.DANGEROUS,
                    after.id,
                    f"the export of {_readable(name)} is gone, but deployed {', '.join(users)} "
                    "still imports it: the deployment fails. Keep it with "
                    "`self.export_value(...)` for one deployment, then remove it",
                    sign="-",
                )
            elif users and new[name] != value:
                yield _item(
                    Level.DANGEROUS,
                    after.id,
                    f"the export of {_readable(name)} changes its value while deployed "
                    f"{', '.join(users)} imports it: the deployment fails",
                )


def _exported(stack: Stack, texts: Texts) -> Iterator[tuple[str, str]]:
    for output in (stack.template.get("Outputs") or {}).values():
        name = (output.get("Export") or {}).get("Name")
        if isinstance(name, str):
            yield name, texts.text(output.get("Value"), stack)


def _imports(value: Any, texts: Texts, stack: Stack) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == "Fn::ImportValue":
                yield texts.text(each, stack)
            else:
                yield from _imports(each, texts, stack)
    elif isinstance(value, list):
        for each in value:
            yield from _imports(each, texts, stack)


def _readable(export: str) -> str:
    found = re.search(r"ExportsOutput(?:FnGetAtt|Ref)(.+?)[0-9A-F]{8}", export)
    return found.group(1) if found else export


def _item(
    level: Level,
    subject: str,
    text: str,
    *,
    sign: str = "~",
    details: tuple[str, ...] = (),
    cause: str = "",
) -> Item:
    return Item(Section.STACKS, level, subject, text, sign, details, cause=cause)
