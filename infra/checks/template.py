# SPDX-License-Identifier: Apache-2.0
"""A synthesised template in the form that the rules read."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of a template; ``document`` is the whole resource."""

    logical_id: str
    type: str
    document: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        """The resource's properties; empty where it has none."""
        return self.document.get("Properties") or {}


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template with the naming prefix of its environment and the app's other templates.

    ``prefix`` is None if it is not known; the rule about names then only checks whether a name
    may be given at all.
    """

    name: str
    resources: Mapping[str, Resource]
    prefix: str | None = None
    others: Sequence["Template"] = field(default=(), compare=False)

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types, in the template's order."""
        return (resource for resource in self.resources.values() if resource.type in types)

    def referred(self, value: Any, type_: str) -> Resource | None:
        """The resource of this template that ``value`` refers to, where it has that type."""
        if not isinstance(value, Mapping) or len(value) != 1:
            return None
        target = value.get("Ref")
        if target is None and "Fn::GetAtt" in value:
            attribute = value["Fn::GetAtt"]
            target = attribute.split(".")[0] if isinstance(attribute, str) else attribute[0]
        found = self.resources.get(str(target))
        return found if found is not None and found.type == type_ else None

    @property
    def assembly(self) -> Sequence["Template"]:
        """All templates of the app, this one included."""
        return self.others or (self,)


def template(
    document: Mapping[str, Any], *, name: str = "Template", prefix: str | None = None
) -> Template:
    """The template in a parsed document."""
    resources = {
        logical_id: Resource(logical_id=logical_id, type=str(body.get("Type", "")), document=body)
        for logical_id, body in (document.get("Resources") or {}).items()
    }
    return Template(name=name, resources=resources, prefix=prefix)


def read_templates(paths: Sequence[Path], *, prefix: str | None = None) -> list[Template]:
    """The templates in these files, each with references to the others."""
    alone = [
        template(
            json.loads(path.read_text(encoding="utf-8")),
            name=path.name.removesuffix(".template.json"),
            prefix=prefix,
        )
        for path in paths
    ]
    return [
        Template(name=one.name, resources=one.resources, prefix=one.prefix, others=tuple(alone))
        for one in alone
    ]


def text(value: Any) -> str:
    """A value as one line of text, with ``<LogicalId.Arn>`` for values that only deployment fills
    in.

    ``${variables}`` of IAM and IoT stay as they are, because the rules look for them.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        [(function, argument)] = value.items()
        if function in _AS_TEXT:
            return _AS_TEXT[function](argument)
        if function == "Ref" or function.startswith("Fn::"):
            return f"<{argument if function == 'Ref' else function}>"
    return json.dumps(value, sort_keys=True)


def _substituted(argument: Any) -> str:
    pattern, values = (argument, {}) if isinstance(argument, str) else argument
    known = {name: text(value) for name, value in values.items()}
    return re.sub(
        r"\$\{(!?)([^}]+)\}",
        # ${!x} is CloudFormation's way to write an IAM variable literally.
        lambda found: f"${{{found[2]}}}" if found[1] else known.get(found[2], f"<{found[2]}>"),
        pattern,
    )


_AS_TEXT: Mapping[str, Callable[[Any], str]] = {
    "Fn::GetAtt": lambda to: f"<{to if isinstance(to, str) else '.'.join(to)}>",
    "Fn::ImportValue": lambda name: f"<{text(name)}>",
    "Fn::Join": lambda parts: str(parts[0]).join(text(part) for part in parts[1]),
    "Fn::Sub": _substituted,
}


def listed(value: Any) -> list[Any]:
    """A value as a list: policies contain either a single value or a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
