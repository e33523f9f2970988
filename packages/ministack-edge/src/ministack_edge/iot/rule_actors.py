# SPDX-License-Identifier: Apache-2.0
"""Who acts for an IoT rule: each action has a role, and the role needs what the action does."""

from __future__ import annotations

from collections.abc import Callable

from ministack.core.responses import get_account_id, get_region

from ministack_edge.enforcement import dependents, resource_policies, storage
from ministack_edge.enforcement.actors import Actor, become
from ministack_edge.enforcement.decisions import enabled
from ministack_edge.enforcement.services import log_group
from ministack_edge.protocol import AwsError, Document, arn

SERVICE = "iot.amazonaws.com"


def decide(rule: str, kind: str, action: Document) -> None:
    """Decide what the action is about to do; raises AccessDeniedError where AWS IoT would fail.

    A failed action reaches the rule's error action, as on AWS.
    """
    if not enabled():
        return
    source = arn("iot", f"rule/{rule}")
    if kind == "lambda":
        resource_policies.allows(SERVICE, "lambda", action["functionArn"], source_arn=source)
        return
    if kind not in _RIGHTS:
        raise AwsError("ValidationException", f"the local AWS does not decide the action {kind}")
    _RIGHTS[kind](become(str(action.get("roleArn", "")), SERVICE, source_arn=source), action)


def _firehose(actor: Actor, action: Document) -> None:
    stream = arn("firehose", f"deliverystream/{action['deliveryStreamName']}")
    actor.require(
        "firehose:PutRecordBatch" if action.get("batchMode") else "firehose:PutRecord", stream
    )


def _table(actor: Actor, action: Document) -> None:
    name = action["putItem"]["tableName"]
    actor.require("dynamodb:PutItem", arn("dynamodb", f"table/{name}"))
    dependents.table(actor, name, writes=True)


def _topic(actor: Actor, action: Document) -> None:
    actor.require("sns:Publish", action["targetArn"])
    dependents.topic(actor, action["targetArn"])


def _logs(actor: Actor, action: Document) -> None:
    stream = log_group(get_account_id(), get_region(), action["logGroupName"], "iot-rule-action")
    for name in ("DescribeLogStreams", "CreateLogStream", "PutLogEvents"):
        actor.require(f"logs:{name}", stream)


def _metric(actor: Actor, action: Document) -> None:
    actor.require("cloudwatch:PutMetricData", "*", cloudwatch__namespace=action["metricNamespace"])


def _object(actor: Actor, action: Document) -> None:
    actor.require("s3:PutObject", storage.object_arn(action["bucketName"], action["key"]))
    storage.encrypt(actor, action["bucketName"])


def _machine(actor: Actor, action: Document) -> None:
    name = action["stateMachineName"]
    actor.require("states:StartExecution", arn("states", f"stateMachine:{name}"))


def _republish(actor: Actor, action: Document) -> None:
    actor.require("iot:Publish", arn("iot", f"topic/{action['topic']}"))


_RIGHTS: dict[str, Callable[[Actor, Document], None]] = {
    "firehose": _firehose,
    "dynamoDBv2": _table,
    "sns": _topic,
    "cloudwatchLogs": _logs,
    "cloudwatchMetric": _metric,
    "s3": _object,
    "stepFunctions": _machine,
    "republish": _republish,
}
