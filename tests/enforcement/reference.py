# SPDX-License-Identifier: Apache-2.0
"""Recorded decisions before AWS's service authorization reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.policies.arns import meets
from tests.policies.authorization import action

VERSIONS = ("lambda:DeleteFunction", "lambda:GetFunction")
"""Asked for a published version; the reference has the function's form alone, whose name takes in
the version's number (Lambda developer guide, "Resources and conditions for Lambda actions")."""


def unknown(decisions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The decisions on an action that AWS does not have, or on another kind of resource."""
    asked = {(each["action"], each["resource"]) for each in decisions}
    for name, arn in sorted(asked):
        try:
            known = action(name)
        except KeyError:
            yield f"{name}: there is no such action"
            continue
        if arn == "*":
            if required := [kind.name for kind in known.on if kind.required]:
                yield f"{name}: on *, but it is decided on {required}"
        elif not any(
            meets(_unqualified(name, arn), form) for kind in known.on for form in kind.formats
        ):
            yield f"{name}: {arn} is none of {[kind.name for kind in known.on]}"


def _unqualified(name: str, arn: str) -> str:
    head, _, version = arn.rpartition(":")
    return head if name in VERSIONS and version.isdigit() else arn
