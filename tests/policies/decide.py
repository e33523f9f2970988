# SPDX-License-Identifier: Apache-2.0
"""Decides a request by one policy as IAM does: Deny over Allow, conditions included."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.policies.arns import covers
from tests.policies.documents import Document, listed

Context = Mapping[str, str]


def allowed(policy: Document, action: str, arn: str, context: Context) -> bool:
    """Whether the policy allows this action on this ARN with these condition keys."""
    deciding = [
        statement["Effect"]
        for statement in policy.statements
        if _named(statement, action) and _applies(statement, arn) and _holds(statement, context)
    ]
    return "Allow" in deciding and "Deny" not in deciding


def _named(statement: Mapping[str, Any], action: str) -> bool:
    return any(covers(one.lower(), action.lower()) for one in listed(statement["Action"]))


def _applies(statement: Mapping[str, Any], arn: str) -> bool:
    return any(covers(one, arn) for one in listed(statement["Resource"]))


def _holds(statement: Mapping[str, Any], context: Context) -> bool:
    return all(
        _compares(operator, listed(values), context.get(key))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _compares(operator: str, values: Sequence[str], found: str | None) -> bool:
    if found is None:
        return operator.endswith("IfExists")
    kind = re.sub("IfExists$", "", operator)
    if kind in ("StringLike", "ArnLike"):
        return any(covers(value, found) for value in values)
    if kind in ("StringEquals", "ArnEquals"):
        return found in values
    raise ValueError(f"{operator}: this operator is not known here")
