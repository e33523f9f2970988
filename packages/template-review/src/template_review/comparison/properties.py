# SPDX-License-Identifier: Apache-2.0
"""Resources that exist before and after, with their properties as text: what the sections on
exposure, retention and the devices compare."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from template_review.comparison.leaves import Leaf, leaves
from template_review.comparison.text import Texts, short
from template_review.model import Pair, Stack


class Kept(NamedTuple):
    """A resource on both sides (``old`` and ``new`` are its properties), or only on one."""

    stack: str
    id: str
    type: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    old_resource: Mapping[str, Any]
    new_resource: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """How the resource is named in a review."""
        return f"{self.stack}/{short(self.id)}"

    @property
    def leaves(self) -> list[Leaf]:
        """What differs in its properties; every value where it is only on one side."""
        return leaves(self.type, self.old, self.new)

    def claim(self, path: str) -> str:
        """How an item says that it explains the value at a path, and all below it."""
        return f"{self.stack}/{self.id}:{path}"


def resources(pair: Pair, *types: str) -> Iterator[Kept]:
    """The resources of these types (all types if none is given) that differ between the sides."""
    if pair.base is None or pair.head is None:
        return
    before, after = Texts(pair.base), Texts(pair.head)
    for key in sorted({*pair.base.stacks, *pair.head.stacks}):
        old_stack, new_stack = pair.base.stacks.get(key), pair.head.stacks.get(key)
        old_all = old_stack.resources if old_stack else {}
        new_all = new_stack.resources if new_stack else {}
        for name in sorted({*old_all, *new_all}):
            old, new = old_all.get(name, {}), new_all.get(name, {})
            kind = str((new or old).get("Type"))
            # Most resources of most changes are equal; rendering them all takes most of the time.
            if old == new or (types and kind not in types):
                continue
            yield Kept(
                key,
                name,
                kind,
                _values(before, old, old_stack),
                _values(after, new, new_stack),
                old,
                new,
            )


def _values(
    texts: Texts, resource: Mapping[str, Any], stack: Stack | None
) -> Mapping[str, Any] | None:
    if not resource or stack is None:
        return None
    found: Mapping[str, Any] = texts.value(resource.get("Properties") or {}, stack)
    return found


def at(properties: Mapping[str, Any] | None, path: str) -> Any:
    """The value at "A.B.0.C", or None."""
    found: Any = properties
    for part in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(part)
        elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def number(value: Any) -> float | None:
    """A number that a template holds as such or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a nested value with its path."""
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=str):
            yield from flat(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from flat(each, f"{path}.{index}" if path else str(index))
    else:
        yield path, value
