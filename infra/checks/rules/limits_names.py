# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-LIM2: AWS accepts the names and tags."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.longest import longest
from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Resource, Template
from infra.config.limits import NAMES
from infra.config.tags import faults


def check(template: Template) -> Iterator[Finding]:
    """Names that are too long, and tags that a service would refuse."""
    for resource in template.resources.values():
        yield from _name(template, resource)
        tags = dict(_tags(template, resource.properties.get("Tags")))
        for shown, allowed in faults(tags):
            detail = f"{shown}: AWS accepts {allowed} (infra/config/tags.py)"
            yield at(resource, "Properties.Tags", detail)


def _name(template: Template, resource: Resource) -> Iterator[Finding]:
    if resource.type not in NAMES:
        return
    key, limit = NAMES[resource.type]
    value: Any = resource.properties
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is not None and len(longest(template, value)) > limit.most:
        length = len(longest(template, value))
        yield at(resource, f"Properties.{key}", f"{value!r} has {length} characters: {limit}")


def _tags(template: Template, tags: Any) -> Iterator[tuple[str, str]]:
    """Tags are written as a list of pairs, or as a map, by type."""
    if isinstance(tags, Mapping):
        yield from ((str(key), longest(template, value)) for key, value in tags.items())
    elif isinstance(tags, list):
        for one in tags:
            yield longest(template, one.get("Key", "")), longest(template, one.get("Value", ""))


RULE = Rule(
    id="BINSIGHT-LIM2",
    title="AWS accepts the names and tags",
    why="A name grows with the environment's prefix, and each service allows a different length "
    "and different characters: a name that works in dev fails in an environment with a longer "
    "prefix.",
    fix="Shorten what the name adds to the prefix; use tags of letters, digits, spaces and _ . : "
    "/ = + - @.",
    check=check,
)
