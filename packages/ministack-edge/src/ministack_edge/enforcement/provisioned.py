# SPDX-License-Identifier: Apache-2.0
"""Checks by services when a resource is created: keys of tables and topics, a state machine's log.

ministack drops the key of a table or topic that CloudFormation makes, so it is noted here. Step
Functions refuses a state machine whose role may not deliver its log.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ministack.services import dynamodb, sns

from ministack_edge import ministack_patches
from ministack_edge.enforcement.actors import Actor, become
from ministack_edge.protocol import Document

LOG_DELIVERY = (
    "CreateLogDelivery",
    "DescribeLogGroups",
    "DescribeResourcePolicies",
    "GetLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "UpdateLogDelivery",
)
"""What the role of a state machine that logs needs (Step Functions developer guide, "Logging in
CloudWatch Logs"); `DeleteLogDelivery` when it goes."""
TRACING = ("GetSamplingRules", "GetSamplingTargets", "PutTelemetryRecords", "PutTraceSegments")
"""What the role of a state machine that is traced needs (the same guide, "X-Ray tracing")."""

Change = Callable[[str, Document], None]


def install() -> None:
    """Note keys and ask for log delivery whenever CloudFormation makes or changes these types."""
    for kind, change in (
        ("AWS::DynamoDB::Table", _table),
        ("AWS::SNS::Topic", _topic),
        ("AWS::StepFunctions::StateMachine", _machine),
    ):
        _after(kind, change)


def _after(kind: str, change: Change) -> None:
    handlers = importlib.import_module(ministack_patches.PROVISIONERS)._RESOURCE_HANDLERS[kind]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def created(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        found, attributes = create(logical_id, properties, stack)
        change(found, properties)
        return found, attributes

    def updated(
        physical_id: str, old: Document, new: Document, *more: Any, **named: Any
    ) -> tuple[str, Document]:
        found, attributes = update(physical_id, old, new, *more, **named)
        change(found, new)
        return found, attributes

    def deleted(physical_id: str, properties: Document) -> None:
        if change is _machine and _logs(properties):
            _role(physical_id, properties).decide("logs:DeleteLogDelivery", "*")
        delete(physical_id, properties)

    handlers.update(create=created, update=updated, delete=deleted)


def _table(name: str, properties: Document) -> None:
    specification = properties.get("SSESpecification") or {}
    record = dynamodb._tables.get(name)
    if record is not None and specification.get("SSEEnabled"):
        record["SSEDescription"] = {
            "Status": "ENABLED",
            "SSEType": "KMS",
            "KMSMasterKeyArn": specification.get("KMSMasterKeyId", ""),
        }


def _topic(arn: str, properties: Document) -> None:
    record = sns._topics.get(arn)
    if record is not None and properties.get("KmsMasterKeyId"):
        record["attributes"]["KmsMasterKeyId"] = properties["KmsMasterKeyId"]


def _machine(arn: str, properties: Document) -> None:
    if not _logs(properties):
        return
    actor = _role(arn, properties)
    for action in LOG_DELIVERY:
        actor.require(f"logs:{action}", "*")
    if (properties.get("TracingConfiguration") or {}).get("Enabled"):
        # X-Ray leaves out what it may not write; the refusal is in the ledger.
        for action in TRACING:
            actor.decide(f"xray:{action}", "*")


def _logs(properties: Document) -> bool:
    return bool((properties.get("LoggingConfiguration") or {}).get("Destinations"))


def _role(arn: str, properties: Document) -> Actor:
    return become(str(properties.get("RoleArn", "")), "states.amazonaws.com", source_arn=arn)
