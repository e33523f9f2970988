# SPDX-License-Identifier: Apache-2.0
"""Fn::Join in conditions, which ministack compares unresolved.

The CDK's bootstrap template checks in this way whether a list of policies was given. Without this
the default bootstrap leaves CloudFormation's execution role without AdministratorAccess.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack_edge import ministack_patches
from ministack_edge.protocol import Document

Evaluate = Callable[[Document, Document], Document]
PLACES = ("changesets", "engine", "handlers", "stacks")
"""Where ministack has the function under its own name."""


def install() -> None:
    """Resolve joins before ministack evaluates conditions."""
    for place in PLACES:
        ministack_patches.wrap(
            f"ministack.services.cloudformation.{place}", "_evaluate_conditions", _joining
        )


def _joining(original: Evaluate) -> Evaluate:
    def evaluate(template: Document, parameters: Document) -> Document:
        conditions = _joined(template.get("Conditions", {}), parameters)
        return original({**template, "Conditions": conditions}, parameters)

    return evaluate


def _joined(value: Any, parameters: Document) -> Any:
    """The value with every Fn::Join of parameters and texts replaced by its text."""
    if isinstance(value, list):
        return [_joined(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Join"}:
        separator, items = value["Fn::Join"]
        return str(separator).join(_texts(_joined(items, parameters), parameters))
    return {key: _joined(item, parameters) for key, item in value.items()}


def _texts(items: Any, parameters: Document) -> list[str]:
    """The members of a list; a list parameter is one text with commas here."""
    if isinstance(items, list):
        return [text for item in items for text in _texts(item, parameters)]
    if isinstance(items, dict):
        name = str(items.get("Ref", ""))
        value = str(parameters[name]["Value"]) if name in parameters else name
        return [part.strip() for part in value.split(",")]
    return [str(items)]
