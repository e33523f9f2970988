# SPDX-License-Identifier: Apache-2.0
"""Condition keys of requests that ministack leaves out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack_edge import ministack_patches
from ministack_edge.enforcement.actors import entity
from ministack_edge.protocol import Document

Keys = dict[str, Any]


def install() -> None:
    """Give the decisions these keys from now on."""
    ministack_patches.wrap("ministack.core.iam_actions", "request_tag_context", _with_request)
    ministack_patches.wrap("ministack.core.iam_evaluator", "_resolve_condition_key", _of_role)


def _of_role(original: Callable[..., Any]) -> Callable[..., Any]:
    """``aws:PrincipalArn`` of a role's session is the role, not the session."""

    def resolve(key: str, context: Any) -> Any:
        found = original(key, context)
        return entity(found) if key.lower() == "aws:principalarn" and found else found

    return resolve


def _with_request(original: Callable[..., Keys]) -> Callable[..., Keys]:
    """``cloudwatch:namespace`` of PutMetricData, source and detail type of PutEvents' events."""

    def context(service: str, action: str, body: bytes, parameters: Document) -> Keys:
        keys = original(service, action, body, parameters)
        if action == "cloudwatch:PutMetricData" and (namespace := _namespace(body, parameters)):
            keys["cloudwatch:namespace"] = namespace
        if action == "events:PutEvents":
            keys |= _of_events(body)
        return keys

    return context


def _of_events(body: bytes) -> Keys:
    """A key that the events of one call differ in is left out: no single value is true of them."""
    entries = json.loads(body or b"{}").get("Entries") or []
    found = {}
    for key, member in (("events:source", "Source"), ("events:detail-type", "DetailType")):
        values = {str(entry.get(member, "")) for entry in entries}
        if len(values) == 1:
            found[key] = values.pop()
    return found


def _namespace(body: bytes, parameters: Document) -> str:
    """In the two forms that clients send: JSON and a query."""
    given = parameters.get("Namespace")
    if given:
        return str(given[0] if isinstance(given, list) else given)
    return str(json.loads(body).get("Namespace", "")) if body[:1] == b"{" else ""
