# SPDX-License-Identifier: Apache-2.0
"""Operations that CloudFormation's handlers refuse on AWS and ministack's accept, and failures on
request.

A name that is taken fails the creation (ministack adopts or overwrites what is there), a table that
is protected against deletion stays, and a thing type goes five minutes after its deprecation, which
the handler waits for (aws-cloudformation-resource-providers-iot, thingtype/DeleteHandler).
"""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from typing import Any

from ministack.services import iot

from ministack_edge import ministack_patches
from ministack_edge.protocol import AwsError, Document, require, store
from ministack_edge.sagemaker.step_retries import WAIT_SCALE

STACKS = "ministack.services.cloudformation.stacks"
THING_TYPE, TABLE = "AWS::IoT::ThingType", "AWS::DynamoDB::Table"

NAMED: dict[str, tuple[str, str, str]] = {
    "AWS::CloudWatch::Dashboard": ("DashboardName", "cloudwatch", "_dashboards"),
    TABLE: ("TableName", "dynamodb", "_tables"),
    "AWS::IAM::Role": ("RoleName", "iam", "_roles"),
    "AWS::IoT::ProvisioningTemplate": ("TemplateName", "iot", "_provisioning_templates"),
    THING_TYPE: ("ThingTypeName", "iot", "_thing_types"),
    "AWS::IoT::TopicRule": ("RuleName", "iot", "_topic_rules"),
    "AWS::Lambda::Function": ("FunctionName", "lambda_svc", "_functions"),
    "AWS::Logs::LogGroup": ("LogGroupName", "cloudwatch_logs", "_log_groups"),
    "AWS::SQS::Queue": ("QueueName", "sqs", "_queue_name_to_url"),
}
"""The property that names a resource, and ministack's module and store of what is there. Types that
are not listed are refused by their own handlers (tests/test_refusals.py)."""

DEPRECATED_SECONDS = 300 * WAIT_SCALE
"""A thing type is deleted five minutes after its deprecation, as fast as wait states pass here."""
_WAIT = "minutes after deprecation and then retry"
_POLL_SECONDS = 0.2

_ordered: Any = store()


def order(request: Document) -> Document:
    """Let the next creation of ``LogicalResourceId`` in ``StackName`` fail with ``Reason``."""
    require(request, "StackName", "LogicalResourceId")
    reason = request.get("Reason") or "Internal Failure"
    _ordered[f"{request['StackName']}/{request['LogicalResourceId']}"] = reason
    return {}


def _taken(kind: str, properties: Document) -> None:
    if kind not in NAMED:
        return
    key, service, attribute = NAMED[kind]
    name = properties.get(key)
    if name and name in getattr(
        importlib.import_module(f"ministack.services.{service}"), attribute
    ):
        raise ValueError(f"Resource of type '{kind}' with identifier '{name}' already exists.")


def _refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    def provision(kind: str, logical_id: str, properties: Document, stack: str) -> Any:
        if reason := _ordered.pop(f"{stack}/{logical_id}", None):
            raise ValueError(reason)
        _taken(kind, properties)
        return original(kind, logical_id, properties, stack)

    return provision


def _after_deprecation(original: Callable[[str], Any]) -> Callable[[str], Any]:
    def delete(name: str) -> Any:
        since = ((iot._thing_types.get(name) or {}).get("thingTypeMetadata") or {}).get(
            "deprecationDate"
        )
        if since and time.time() - since < DEPRECATED_SECONDS:
            return AwsError("InvalidRequestException", f"Please wait for 5 {_WAIT}").answer()
        return original(name)

    return delete


def _delete_thing_type(physical_id: str, properties: Document) -> None:
    """Deprecate it, then try until the five minutes are over, as the handler on AWS does."""
    del properties
    record = iot._thing_types.get(physical_id)
    if record is None:
        return
    if not record["thingTypeMetadata"].get("deprecated"):
        iot._deprecate_thing_type(physical_id, {"undoDeprecate": False})
    while True:
        status, _, body = iot._delete_thing_type(physical_id)
        if status < 400:
            return
        message = json.loads(body)["message"]
        if _WAIT not in message:
            raise ValueError(message)
        time.sleep(_POLL_SECONDS)


def _protected(original: Callable[[str, Document], None]) -> Callable[[str, Document], None]:
    def delete(physical_id: str, properties: Document) -> None:
        tables = importlib.import_module("ministack.services.dynamodb")._tables
        if (tables.get(physical_id) or {}).get("DeletionProtectionEnabled"):
            raise ValueError(
                "Resource cannot be deleted as it is currently protected against deletion. "
                "Disable deletion protection first."
            )
        original(physical_id, properties)

    return delete


def _also_on_a_thread(original: Callable[[str], bool]) -> Callable[[str], bool]:
    # Waiting for a thing type must not block the server.
    return lambda kind: kind == THING_TYPE or original(kind)


def install() -> None:
    """Refuse from now on."""
    handlers = importlib.import_module(ministack_patches.PROVISIONERS)._RESOURCE_HANDLERS
    handlers[TABLE]["delete"] = _protected(handlers[TABLE]["delete"])
    handlers[THING_TYPE]["delete"] = _delete_thing_type
    ministack_patches.wrap("ministack.services.iot", "_delete_thing_type", _after_deprecation)
    ministack_patches.wrap(STACKS, "_provision_resource", _refusing)
    ministack_patches.wrap(STACKS, "_runs_on_worker_thread", _also_on_a_thread)
