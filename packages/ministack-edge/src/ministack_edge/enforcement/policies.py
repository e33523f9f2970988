# SPDX-License-Identifier: Apache-2.0
"""The policies of a role, parsed; each statement says which policy it belongs to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import ParsedStatement, parse_policy_document
from ministack.services import iam


def role_name(arn: str) -> str:
    """The name of a role in its ARN, with or without a path."""
    return arn.rsplit("/", 1)[-1]


def account_of(arn: str) -> str:
    """The account in an ARN."""
    return arn.split(":")[4]


Parser = Callable[[Any], list[ParsedStatement]]
POLICIES = 4096
"""Parsed policies that are kept; a changed policy is another text, so none is ever stale."""


def cached_parser(original: Parser) -> Parser:
    """A parser of policy documents that keeps what it parsed. Callers must not change a result."""
    kept = lru_cache(maxsize=POLICIES)(original)

    def parse(document: Any) -> list[ParsedStatement]:
        return kept(document) if isinstance(document, str) else original(document)

    return parse


def labelled(document: Any, policy: str) -> list[ParsedStatement]:
    """The statements of a policy; each says which policy and statement it is."""
    text = document if isinstance(document, str) else json.dumps(document)
    return _labelled(text, policy)


@lru_cache(maxsize=POLICIES)
def _labelled(text: str, policy: str) -> list[ParsedStatement]:
    return [
        replace(statement, sid=f"{policy}/{statement.sid or number}")
        for number, statement in enumerate(parse_policy_document(text), 1)
    ]


def role_policies(name: str, account: str) -> list[list[ParsedStatement]]:
    """The identity policies of a role: inline ones and attached ones."""
    role = iam._roles.get_scoped(account, None, name)
    if role is None:
        return []
    found = [
        labelled(document, policy)
        for policy, document in (role.get("InlinePolicies") or {}).items()
    ]
    for arn in role.get("AttachedPolicies", []):
        document = iam_evaluator._resolve_managed_policy_document(arn, account)
        if document:
            found.append(labelled(document, role_name(arn)))
    return found


def principal_tags(name: str, account: str) -> dict[str, Any]:
    """The tags of a role as condition keys."""
    role = iam._roles.get_scoped(account, None, name) or {}
    return {
        f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in role.get("Tags") or []
    }
