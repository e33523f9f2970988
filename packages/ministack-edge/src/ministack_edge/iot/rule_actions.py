# SPDX-License-Identifier: Apache-2.0
"""IoT rule actions that ministack skips, and the substitution templates of all of them.

ministack logs an unknown action at debug level and goes on, which looks like "the rule did not
match". Here an action that is not offered fails, so that the rule's error action hears about it, as
on AWS.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs, firehose, iot, stepfunctions

from ministack_edge import metrics, ministack_patches
from ministack_edge.iot import rule_actors
from ministack_edge.protocol import Document, arn
from ministack_edge.storage import objects

_TEMPLATE = re.compile(r"\$\{([^}]*)\}")
_MINISTACK_ACTIONS = ("lambda", "republish", "dynamoDBv2", "sns", "sqs")


@dataclass(frozen=True)
class Message:
    """The message that set off the rule, for substitution templates."""

    topic: str
    payload: bytes
    client_id: str | None


_message: ContextVar[Message] = ContextVar("rule_message")


def substitute(node: Any, message: Message) -> Any:
    """Every `${expression}` in the action's strings, evaluated against the message."""
    if isinstance(node, dict):
        return {key: substitute(value, message) for key, value in node.items()}
    if isinstance(node, list):
        return [substitute(value, message) for value in node]
    if not isinstance(node, str) or "${" not in node:
        return node
    document = iot._rule_message(message.payload)

    def value(match: re.Match[str]) -> str:
        found = iot._eval_select_expr(
            match.group(1), message.topic, message.payload, document, message.client_id
        )
        if found is iot._MISSING:
            return "undefined"
        return found if isinstance(found, str) else json.dumps(found)

    return _TEMPLATE.sub(value, node)


def _text(event: Any) -> str:
    return event if isinstance(event, str) else json.dumps(event)


def _parts(action: Document, event: Any) -> list[Any]:
    """With batchMode an array is one record per element."""
    return event if action.get("batchMode") and isinstance(event, list) else [event]


def _firehose(action: Document, event: Any) -> None:
    name = action["deliveryStreamName"]
    for part in _parts(action, event):
        data = (_text(part) + action.get("separator", "")).encode()
        status, _headers, body = firehose._put_record(
            {"DeliveryStreamName": name, "Record": {"Data": base64.b64encode(data).decode()}}
        )
        _check(status, body, f"Firehose delivery stream {name}")


def _s3(action: Document, event: Any) -> None:
    objects.write(action["bucketName"], action["key"], _text(event).encode())


def _metric(action: Document, event: Any) -> None:
    del event
    stamp = action.get("metricTimestamp")
    metrics.put(
        action["metricNamespace"],
        action["metricName"],
        float(action["metricValue"]),
        unit=action.get("metricUnit", "None"),
        at=float(stamp) if stamp else None,
    )


def _logs(action: Document, event: Any) -> None:
    group, stream = action["logGroupName"], "iot-rule-action"
    if group not in cloudwatch_logs._log_groups:
        raise RuntimeError(f"log group {group} does not exist")
    if stream not in cloudwatch_logs._log_groups[group]["streams"]:
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    moment = int(time.time() * 1000)
    events = [{"timestamp": moment, "message": _text(part)} for part in _parts(action, event)]
    status, _headers, body = cloudwatch_logs._put_log_events(
        {"logGroupName": group, "logStreamName": stream, "logEvents": events}
    )
    _check(status, body, f"log group {group}")


def _state_machine(action: Document, event: Any) -> None:
    name = action["stateMachineName"]
    status, _headers, body = stepfunctions._start_execution(
        {
            "stateMachineArn": arn("states", f"stateMachine:{name}"),
            "name": f"{action.get('executionNamePrefix', '')}{uuid.uuid4()}"[:80],
            "input": _text(event),
        }
    )
    _check(status, body, f"state machine {name}")


def _check(status: int, body: bytes, what: str) -> None:
    if status >= 300:
        raise RuntimeError(f"{what}: {body.decode(errors='replace')}")


ACTIONS: dict[str, Callable[[Document, Any], None]] = {
    "firehose": _firehose,
    "s3": _s3,
    "cloudwatchMetric": _metric,
    "cloudwatchLogs": _logs,
    "stepFunctions": _state_machine,
}
RESOURCES = {
    "firehose": ("deliveryStreamName",),
    "s3": ("bucketName",),
    "cloudwatchMetric": ("metricName",),
    "cloudwatchLogs": ("logGroupName",),
    "stepFunctions": ("stateMachineName",),
}


def _wrap_run(original: Callable[..., Any]) -> Callable[..., Any]:
    async def run(  # noqa: PLR0917 - ministack calls it by position
        account: str,
        region: str,
        rule: Document,
        payload: bytes,
        topic: str = "",
        client_id: str | None = None,
    ) -> None:
        token = _message.set(Message(topic, payload or b"", client_id))
        try:
            await original(account, region, rule, payload, topic, client_id)
        finally:
            _message.reset(token)

    return run


def _wrap_dispatch(original: Callable[..., Any]) -> Callable[..., Any]:
    async def dispatch(
        account: str, region: str, rule_name: str, action: Document, event: Any
    ) -> None:
        kind = next(iter(action), "")
        resolved = substitute(action, _message.get())
        with request_scope(account, region):
            rule_actors.decide(rule_name, kind, resolved[kind])
        if kind in _MINISTACK_ACTIONS:
            await original(account, region, rule_name, resolved, event)
        elif kind in ACTIONS:
            with request_scope(account, region):
                ACTIONS[kind](resolved[kind], event)
        else:
            raise RuntimeError(f"the local AWS does not offer the rule action {kind!r}")

    return dispatch


def _attribute(value: Any) -> Document:
    """dynamoDBv2 keeps nested objects and lists as maps and lists; ministack writes JSON text."""
    if isinstance(value, dict):
        return {"M": {str(key): _attribute(item) for key, item in value.items()}}
    if isinstance(value, list):
        return {"L": [_attribute(item) for item in value]}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": str(value)}
    return {"NULL": True} if value is None else {"S": str(value)}


def install() -> None:
    """Offer the additional actions."""
    ministack_patches.wrap("ministack.services.iot", "_run_rule_actions", _wrap_run)
    ministack_patches.wrap("ministack.services.iot", "_dispatch_rule_action", _wrap_dispatch)
    ministack_patches.wrap(
        "ministack.services.iot", "_ddb_attribute_value", lambda _original: _attribute
    )
    iot._RULE_ACTION_RESOURCE_KEYS.update(RESOURCES)
