# SPDX-License-Identifier: Apache-2.0
"""The differences between two values, leaf by leaf, by meaning and not by notation: JSON inside
strings is read, sets have no order, members of a list are known by their name, and a default that
is written out is no difference."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from template_review.comparison.schema import part_of, schema
from template_review.comparison.text import compact, shown

_NAMES = ("Id", "Key", "Name", "Sid", "AttributeName", "DestinationId", "AlgorithmName")
"""The property that identifies a member of a list, at any position."""
_LONG = 160
_ARGUMENTS = "ContainerArguments"
_ARGUMENT_CHARACTERS = 256
"""SageMaker's limit for one argument of a container."""
NOTHING = None


class Leaf(NamedTuple):
    """One value that differs; ``None`` on the side that lacks it."""

    path: str
    before: Any
    after: Any

    @property
    def name(self) -> str:
        """The property's own name, without the members of lists."""
        return self.path.rpartition(".")[2].split("[", 1)[0]

    @property
    def top(self) -> str:
        """The property of the resource that it is a part of."""
        return self.path.split(".", 1)[0].split("[", 1)[0]

    @property
    def text(self) -> str:
        """ "Threshold: 1 -> 1000"."""
        return shown(f"{self.path}: {said(self.before)} -> {said(self.after)}")


def leaves(kind: str, old: Any, new: Any) -> list[Leaf]:
    """The differences of two resources' properties; all values where one side is None."""
    document = schema(kind)
    before = dict(_flat(expanded(old), "", document, document)) if old is not None else {}
    after = dict(_flat(expanded(new), "", document, document)) if new is not None else {}
    found = []
    for path in sorted({*before, *after}):
        one, two = before.get(path), after.get(path)
        if same(one, two):
            continue
        if old is not None and new is not None and _is_default(document, path, one, two):
            continue
        found.append(Leaf(path, one, two))
    return found


def differing(old: Any, new: Any) -> list[Leaf]:
    """The differences of two documents that no schema describes."""
    return leaves("", {} if old is None else old, {} if new is None else new)


def expanded(value: Any) -> Any:
    """A value with every string that holds a JSON object or list as what it holds."""
    if isinstance(value, str):
        text = value.strip()
        if not text.startswith(("{", "[")):
            return value
        try:
            return expanded(json.loads(text))
        except ValueError:
            return value
    if isinstance(value, Mapping):
        return {
            key: expanded(_joined(each) if key == _ARGUMENTS else each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [expanded(each) for each in value]
    return value


def _joined(arguments: Any) -> Any:
    """SageMaker's container arguments with each JSON text that was cut into several in one piece.

    A full argument that opens a JSON text and does not close it goes on in the next one.
    """
    if not isinstance(arguments, list | tuple):
        return arguments
    found: list[Any] = []
    for argument in arguments:
        if found and isinstance(argument, str) and _is_cut(found[-1]):
            found[-1] += argument
        else:
            found.append(argument)
    return found


def _is_cut(text: Any) -> bool:
    if not isinstance(text, str) or not text.startswith(("{", "[")):
        return False
    if len(text) % _ARGUMENT_CHARACTERS:
        return False
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


def same(one: Any, two: Any) -> bool:
    """Whether CloudFormation takes two values for the same: it reads "true" and true alike."""
    if one == two and isinstance(one, bool) == isinstance(two, bool):
        return True
    if one is None or two is None:
        # An empty list, object or text says as much as nothing.
        return (one or two) in ([], {}, None) and not isinstance(one or two, bool)
    return bool(_scalar(one) == _scalar(two))


def said(value: Any) -> str:
    """A value for a line of a review."""
    if value is None:
        return "not set"
    text = shown(compact(value))
    if text == "":
        return '""'
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."


def _scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}" if float(value) == float(f"{value:g}") else str(value)
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower()
    return value


def _flat(
    value: Any, path: str, part: Mapping[str, Any], root: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        if path and _is_choice(value, part):
            yield path, next(iter(value))
            return
        for key in sorted(value, key=str):
            inner = part_of(part, str(key), root)
            yield from _flat(value[key], f"{path}.{key}" if path else str(key), inner, root)
    elif isinstance(value, list) and value:
        yield from _members(value, path, part, root)
    else:
        yield path, value


def _is_choice(value: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """One of several ways that need no more words, such as a firewall rule's {"Block": {}}."""
    return list(value.values()) == [{}] and len(part.get("properties") or ()) > 1


def _members(
    value: Sequence[Any], path: str, part: Mapping[str, Any], root: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    inner = part_of(part, "*", root)
    free = part.get("insertionOrder") is False
    if not any(isinstance(each, Mapping | list) for each in value):
        yield path, sorted(value, key=compact) if free else list(value)
        return
    for index, each in enumerate(sorted(value, key=compact) if free else value):
        key = _key(value)
        name, rest = str(index), each
        if key is not None:
            name = str(each[key])
            # What it is known by stands in the path already.
            rest = {k: v for k, v in each.items() if k != key} if len(each) > 1 else each
        yield from _flat(rest, f"{path}[{name}]", inner, root)


def _key(members: Sequence[Any]) -> str | None:
    """The property that names the members of a list, if one does."""
    for key in _NAMES:
        names = [each.get(key) for each in members if isinstance(each, Mapping)]
        unique = len({compact(name) for name in names}) == len(members)
        if unique and len(names) == len(members) and all(isinstance(n, str) for n in names):
            return key
    return None


def _is_default(document: Mapping[str, Any], path: str, one: Any, two: Any) -> bool:
    """Whether one side leaves out what the other writes: the schema's default."""
    if one is not None and two is not None:
        return False
    part: Mapping[str, Any] = document
    for step in path.replace("[", ".*[").split("."):
        part = part_of(part, step.split("[", 1)[0], document)
    written = two if one is None else one
    create_only = f"/properties/{path.replace('.', '/')}" in (
        document.get("createOnlyProperties") or ()
    )
    return not create_only and "default" in part and same(part["default"], written)
