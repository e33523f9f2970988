# SPDX-License-Identifier: Apache-2.0
"""Event buses: their policies in CloudFormation, and rules that send to another account's bus."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import eventbridge

from ministack_edge import ministack_patches
from ministack_edge.protocol import Document

logger = logging.getLogger("ministack_edge.events")

TYPE = "AWS::Events::EventBus"


def install() -> None:
    """Deliver across accounts and regions, and keep a bus's policy."""
    ministack_patches.wrap(
        "ministack.services.eventbridge", "_dispatch_to_event_bus", _across_accounts
    )
    # Where ministack's evaluator finds the policy of a resource.
    vars(eventbridge)["bus_policy_for_arn"] = _policy
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["events"] = ("eventbridge", "bus_policy_for_arn")
    handlers = importlib.import_module(ministack_patches.PROVISIONERS)._RESOURCE_HANDLERS[TYPE]
    handlers["create"] = _created(handlers["create"])
    handlers["update"] = _updated(handlers["update"])
    handlers["delete"] = _deleted(handlers["delete"])


def _across_accounts(original: Callable[..., None]) -> Callable[..., None]:
    """An event keeps the account and region where it began, as on AWS."""

    def dispatch(
        spec: Any, event: Document, rule: Document, path: set[str], given: str | None = None
    ) -> None:
        name = str(spec.resource).partition("/")[2]
        if eventbridge._target_matches_request_scope(spec) or spec.service != "events":
            original(spec, event, rule, path, given)
            return
        forwarded = {**event, "EventBusName": name, "_DispatchPath": [*path, rule.get("Arn", "")]}
        if given is not None:
            forwarded["Detail"] = given
        with request_scope(spec.account_id, spec.region):
            if name not in eventbridge._event_buses:
                logger.warning("rule %s: there is no event bus %s", rule.get("Name"), spec)
                return
            eventbridge._dispatch_event(forwarded)

    return dispatch


def _policy(arn: str) -> tuple[Any, str] | None:
    """The policy of a bus and the account that owns it."""
    _, _, service, region, account, resource = [*arn.split(":", 5), *[""] * 6][:6]
    kind, _, name = resource.partition("/")
    if service != "events" or kind != "event-bus":
        return None
    with request_scope(account, region):
        return eventbridge._event_bus_policies.get(name), account


def _keep(name: str, properties: Document) -> None:
    if properties.get("Policy"):
        eventbridge._event_bus_policies[name] = properties["Policy"]
    else:
        eventbridge._event_bus_policies.pop(name, None)


def _created(original: Callable[..., tuple[str, Document]]) -> Callable[..., tuple[str, Document]]:
    def create(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        name, attributes = original(logical_id, properties, stack)
        _keep(name, properties)
        return name, attributes

    return create


def _updated(original: Callable[..., tuple[str, Document]]) -> Callable[..., tuple[str, Document]]:
    def update(physical_id: str, old: Document, new: Document, stack: str) -> tuple[str, Document]:
        name, attributes = original(physical_id, old, new, stack)
        _keep(name, new)
        return name, attributes

    return update


def _deleted(original: Callable[..., None]) -> Callable[..., None]:
    def delete(physical_id: str, properties: Document) -> None:
        original(physical_id, properties)
        eventbridge._event_bus_policies.pop(physical_id, None)

    return delete
