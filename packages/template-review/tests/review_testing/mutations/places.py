# SPDX-License-Identifier: Apache-2.0
"""Where templates can be changed: resources, properties with their schemas, policies, JSON text."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from review_testing.mutations.model import Change, Document
from template_review.comparison.schema import schema

Path = tuple[Any, ...]


class Resource(NamedTuple):
    """One resource of the document."""

    path: Path
    name: str
    body: dict[str, Any]

    @property
    def type(self) -> str:
        """CloudFormation's name of its type."""
        return str(self.body["Type"])


class Property(NamedTuple):
    """One value inside a resource's properties, with its schema."""

    resource: Resource
    path: Path
    value: Any
    schema: dict[str, Any]

    @property
    def where(self) -> str:
        """For a title."""
        return (
            f"{self.resource.name} {'.'.join(map(str, self.path[len(self.resource.path) + 1 :]))}"
        )


def resources(document: Document, *types: str) -> Iterator[Resource]:
    """All resources, or those of some types."""
    for stack, content in document["stacks"].items():
        for name, body in content["template"]["Resources"].items():
            if not types or body["Type"] in types:
                path = ("stacks", stack, "template", "Resources", name)
                yield Resource(path, f"{stack}/{name}", body)


def properties(document: Document, *types: str) -> Iterator[Property]:
    """Every property at every depth that the resource's schema describes."""
    for resource in resources(document, *types):
        root = dict(schema(resource.type))
        inside = resource.body.get("Properties") or {}
        yield from _walk(resource, (*resource.path, "Properties"), inside, root, root)


def _walk(
    resource: Resource, path: Path, value: Any, part: dict[str, Any], root: dict[str, Any]
) -> Iterator[Property]:
    part = _resolved(part, root)
    yield Property(resource, path, value, part)
    if isinstance(value, dict) and not _intrinsic(value):
        for name, each in value.items():
            inner = (part.get("properties") or {}).get(name)
            if inner is not None:
                yield from _walk(resource, (*path, name), each, inner, root)
    elif isinstance(value, list) and isinstance(part.get("items"), dict):
        for index, each in enumerate(value):
            yield from _walk(resource, (*path, index), each, part["items"], root)


def _resolved(part: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    for _ in range(8):
        reference = part.get("$ref")
        if reference is None:
            break
        found: Any = root
        for step in reference.removeprefix("#/").split("/"):
            found = found.get(step, {})
        part = found
    return part


def _intrinsic(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def at(document: Any, path: Path) -> Any:
    """The value at a path."""
    for step in path:
        document = document[step]
    return document


def setting(path: Path, value: Any) -> Change:
    """Puts a value there."""

    def change(document: Document) -> None:
        at(document, path[:-1])[path[-1]] = value

    return change


def removing(path: Path) -> Change:
    """Takes what is there away."""

    def change(document: Document) -> None:
        del at(document, path[:-1])[path[-1]]

    return change


def editing(path: Path, edit: Callable[[Any], None]) -> Change:
    """Changes the container that is there."""

    def change(document: Document) -> None:
        edit(at(document, path))

    return change


def adding(document: Document, stack: str, name: str, body: dict[str, Any]) -> Change:
    """A new resource."""
    assert name not in document["stacks"][stack]["template"]["Resources"]
    return setting(("stacks", stack, "template", "Resources", name), body)


class Statement(NamedTuple):
    """One statement of a policy."""

    resource: Resource
    path: Path
    body: dict[str, Any]
    number: int

    @property
    def where(self) -> str:
        """For a title."""
        return f"{self.resource.name} statement {self.number} of {self.path[-3]}"

    @property
    def of_identity(self) -> bool:
        """Whether it says what somebody may do, not who may do it."""
        return "Principal" not in self.body


def statements(document: Document, effect: str = "Allow") -> Iterator[Statement]:
    """Every statement of every policy, wherever a property holds one."""
    for resource in resources(document):
        for path, value in _containers(resource.body.get("Properties") or {}, ()):
            if path and path[-1] == "Statement" and isinstance(value, list):
                for number, body in enumerate(value):
                    if body.get("Effect") == effect:
                        where = (*resource.path, "Properties", *path, number)
                        yield Statement(resource, where, body, number)


def _containers(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs:
        if isinstance(each, dict | list):
            yield from _containers(each, (*path, key))


def json_text(path: Path, edit: Callable[[Any], Any]) -> Change:
    """Changes the JSON document that a string, or a joined string, holds."""

    def change(document: Document) -> None:
        at(document, path[:-1])[path[-1]] = joined(edit(parsed(at(document, path))), held)

    held: list[Any] = []

    def parsed(value: Any) -> Any:
        held.clear()
        if isinstance(value, str):
            return json.loads(value)
        separator, parts = value["Fn::Join"]
        assert separator == ""
        text = ""
        for part in parts:
            if isinstance(part, str):
                text += part
            else:
                text += f"@@{len(held)}@@"
                held.append(part)
        return json.loads(text)

    return change


def joined(document: Any, held: list[Any]) -> Any:
    """A document as the text that a template holds, its references in place again."""
    text = json.dumps(document, separators=(",", ":"))
    if not held:
        return text
    parts = re.split(r"@@(\d+)@@", text)
    found = [held[int(part)] if index % 2 else part for index, part in enumerate(parts)]
    return {"Fn::Join": ["", [part for part in found if part != ""]]}


def listed(value: Any) -> list[Any]:
    """A policy's value, which may be one or a list of them."""
    return list(value) if isinstance(value, list) else [value]
