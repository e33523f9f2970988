# SPDX-License-Identifier: Apache-2.0
"""The permissions that CloudFormation needs for each resource type, from AWS's resource schemas.

`handlers.json` is taken from the schemas by `python -m ministack_edge.enforcement.extract`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
VERBS = ("create", "read", "update", "delete")


class UnknownTypeError(ValueError):
    """A resource type that the extract does not have."""


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    table: dict[str, dict[str, list[str]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return table


def known() -> frozenset[str]:
    """The types of the extract."""
    return frozenset(_table())


def permissions(resource_type: str, verb: str) -> list[str]:
    """The actions that a type's schema lists for ``create``, ``read``, ``update`` or ``delete``."""
    try:
        return _table()[resource_type][verb]
    except KeyError:
        raise UnknownTypeError(
            f"{resource_type}: the local AWS does not know what CloudFormation must be allowed for "
            "it; run `python -m ministack_edge.enforcement.extract` and add its ARN to "
            "ministack_edge/enforcement/arns.py"
        ) from None
