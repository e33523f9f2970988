# SPDX-License-Identifier: Apache-2.0
"""Policy variables of a session, such as `${credentials-iot:ThingName}` of a device's credentials.

A variable that the session has not got stays as it is, and its statement matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ministack.core.iam_evaluator import AuthError, ParsedStatement
from ministack.services import sts

from ministack_edge import ministack_patches

KEY = "PolicyVariables"
_VARIABLE = re.compile(r"\$\{(credentials-iot:[A-Za-z]+)\}")


def install() -> None:
    """Fill in the variables of a session wherever its principal is looked up."""
    ministack_patches.wrap("ministack.core.iam_evaluator", "resolve_principal", _filled_in)


def _filled_in(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(access_key: str, *more: Any) -> Any:
        found = original(access_key, *more)
        variables = (sts._sessions.get(access_key) or {}).get(KEY)
        if isinstance(found, AuthError) or not variables or found.policies is None:
            return found
        policies = [[_with(one, variables) for one in policy] for policy in found.policies]
        keys = {name.lower(): value for name, value in variables.items()}
        return replace(found, policies=policies, keys={**found.keys, **keys})

    return resolve


def _with(statement: ParsedStatement, variables: Mapping[str, str]) -> ParsedStatement:
    return replace(
        statement,
        resources=_filled(statement.resources, variables),
        not_resources=_filled(statement.not_resources, variables),
        conditions=_filled(statement.conditions, variables),
    )


def _filled(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, variables) for value in node]
    if not isinstance(node, str):
        return node
    return _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), node)
