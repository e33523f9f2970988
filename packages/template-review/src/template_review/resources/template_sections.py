# SPDX-License-Identifier: Apache-2.0
"""The parts of a template beside its resources and outputs: parameters, conditions and others."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.leaves import differing
from template_review.comparison.text import short
from template_review.model import Item, Level, Section, Stack
from template_review.resources.stateful import holds

_KNOWN = {"AWSTemplateFormatVersion", "Description", "Metadata", "Outputs", "Resources"}
"""Judged elsewhere, or without an effect."""
_SHOWN = 3
_SECRET_ATTRIBUTES = ("SecretAccessKey", "SecretString", "MasterUserPassword")


def section_items(before: Stack, after: Stack) -> Iterator[Item]:
    """Every section that differs, with its values."""
    for section in sorted({*before.template, *after.template} - _KNOWN):
        old, new = before.template.get(section), after.template.get(section)
        if old == new:
            continue
        found = [leaf.text for leaf in differing({section: old or {}}, {section: new or {}})]
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        values = f": {'; '.join(found[:_SHOWN])}{more}" if found else ""
        text = f"the template's {section} change{values}"
        yield Item(Section.STACKS, Level.LOOK, after.id, text, details=tuple(found[_SHOWN:]))
    yield from _shown_secrets(before, after)
    yield from _taken_away(before, after)


def _shown_secrets(before: Stack, after: Stack) -> Iterator[Item]:
    new = _part(after, "Parameters")
    for name, old in _part(before, "Parameters").items():
        if _hidden(old) and name in new and not _hidden(new[name]):
            text = f"parameter {name}: NoEcho is gone: everyone who can read the stack sees it"
            yield Item(Section.STACKS, Level.DANGEROUS, after.id, text)


def _taken_away(before: Stack, after: Stack) -> Iterator[Item]:
    """A condition that changes decides whether what depends on it stays or is deleted."""
    old, new = _part(before, "Conditions"), _part(after, "Conditions")
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    # Conditions are made of others.
    while more := {
        name for name, each in new.items() if name not in changed and _mentions(each, changed)
    }:
        changed |= more
    for name, resource in before.resources.items():
        condition = resource.get("Condition")
        if condition in changed and name in after.resources and holds(resource.get("Type")):
            text = (
                f"condition {condition} changes: where it no longer holds, {short(name)} "
                f"({resource['Type']}) is deleted"
            )
            yield Item(Section.STACKS, Level.DANGEROUS, after.id, text)


def _mentions(condition: Any, names: set[str]) -> bool:
    text = json.dumps(condition)
    return any(f'{{"Condition": "{name}"}}' in text for name in names)


def secret_in(value: Any, stack: Stack) -> str:
    """The secret that a value would show; empty where there is none."""
    text = json.dumps(value)
    if "{{resolve:secretsmanager" in text or "{{resolve:ssm-secure" in text:
        return "a secret"
    if found := next((name for name in _SECRET_ATTRIBUTES if f'"{name}"' in text), ""):
        return f"a secret ({found})"
    hidden = [name for name, each in _part(stack, "Parameters").items() if _hidden(each)]
    named = [name for name in hidden if f'{{"Ref": "{name}"}}' in text or f"${{{name}}}" in text]
    return f"parameter {named[0]}, which is hidden otherwise (NoEcho)," if named else ""


def _hidden(parameter: Any) -> bool:
    return isinstance(parameter, Mapping) and str(parameter.get("NoEcho")).lower() == "true"


def _part(stack: Stack, name: str) -> Mapping[str, Any]:
    found = stack.template.get(name)
    return found if isinstance(found, Mapping) else {}
