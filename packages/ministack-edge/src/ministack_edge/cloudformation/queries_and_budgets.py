# SPDX-License-Identifier: Apache-2.0
"""CloudFormation: named queries of Athena and budgets, which ministack has as APIs only."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import athena, budgets

from ministack_edge import ministack_patches
from ministack_edge.cloudformation.greengrass import failing_as_cloudformation
from ministack_edge.protocol import AwsError, Document

QUERY, BUDGET = "AWS::Athena::NamedQuery", "AWS::Budgets::Budget"


def _answer(response: tuple[int, Any, bytes | str]) -> Document:
    status, _headers, body = response
    document: Document = json.loads(body or "{}")
    if status >= 300:
        code = str(document.get("__type", "InvalidRequestException")).rpartition("#")[2]
        raise AwsError(code, str(document.get("message") or document.get("Message")))
    return document


def _create_query(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    group = properties.get("WorkGroup", "primary")
    if group != "primary" and group not in athena._workgroups:
        raise AwsError("InvalidRequestException", f"WorkGroup {group} is not found.")
    named = {"Name": f"{stack}-{logical_id}", **properties}
    identity = str(_answer(athena._create_named_query(named))["NamedQueryId"])
    return identity, {"NamedQueryId": identity}


def _delete_query(physical_id: str, properties: Document) -> None:
    del properties
    athena._delete_named_query({"NamedQueryId": physical_id})


def _as_api(properties: Document, name: str) -> Document:
    budget = {**properties["Budget"], "BudgetName": name}
    if limit := budget.get("BudgetLimit"):
        budget["BudgetLimit"] = {**limit, "Amount": str(limit["Amount"])}
    return budget


def _create_budget(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    name = str(properties["Budget"].get("BudgetName") or f"{stack}-{logical_id}-1A2B3C")
    told = [
        {**one, "Notification": {**one["Notification"]}}
        for one in properties.get("NotificationsWithSubscribers", [])
    ]
    request = {"Budget": _as_api(properties, name), "NotificationsWithSubscribers": told}
    _answer(budgets._create_budget(request))
    return name, {}


def _update_budget(
    physical_id: str, old: Document, new: Document, stack: str
) -> tuple[str, Document]:
    del old, stack
    _answer(budgets._update_budget({"NewBudget": _as_api(new, physical_id)}))
    return physical_id, {}


def _delete_budget(physical_id: str, properties: Document) -> None:
    del properties
    budgets._delete_budget({"BudgetName": physical_id})


def _no_update(physical_id: str, old: Document, new: Document, stack: str) -> tuple[str, Document]:
    del old, new, stack
    return physical_id, {"NamedQueryId": physical_id}


def install() -> None:
    """Register the types with their create-only properties."""
    ministack_patches.add_resource_type(
        QUERY,
        create=failing_as_cloudformation(_create_query),
        update=failing_as_cloudformation(_no_update),
        delete=_delete_query,
        replaced_by=("Name", "Database", "Description", "QueryString", "WorkGroup"),
    )
    ministack_patches.add_resource_type(
        BUDGET,
        create=failing_as_cloudformation(_create_budget),
        update=failing_as_cloudformation(_update_budget),
        delete=_delete_budget,
        replaced_by=("NotificationsWithSubscribers",),
    )
