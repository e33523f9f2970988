# SPDX-License-Identifier: Apache-2.0
"""EventBridge: events of SageMaker and Greengrass, pipelines as targets, dead-letter queues."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, sqs, stepfunctions

from ministack_edge import metrics, ministack_patches, protocol
from ministack_edge.enforcement.resource_policies import allows
from ministack_edge.protocol import AwsError, Document
from ministack_edge.sagemaker.pipeline_definition import walk
from ministack_edge.storage import objects

logger = logging.getLogger("ministack_edge.events")

StartPipeline = Callable[[str, list[Document]], object]


def emit(source: str, detail_type: str, detail: Document, *, resources: list[str]) -> None:
    """Put an event of an AWS service on the default bus of the current account and region."""
    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": resources,
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def install(start_pipeline: StartPipeline) -> None:
    """Let rules start SageMaker pipelines, with parameter values taken from the event."""

    def wrapper(original: Callable[..., None]) -> Callable[..., None]:
        def invoke(target: Document, event: Document, rule: Document, view: Any = None) -> None:
            arn = target.get("Arn", "")
            if ":states:" in arn and arn not in stepfunctions._state_machines:
                missing = f"State Machine Does Not Exist: '{arn}'"
                failed(target, event, rule, AwsError("StateMachineDoesNotExist", missing))
                return
            if ":sagemaker:" not in arn or ":pipeline/" not in arn:
                original(target, event, rule, view)
                return
            view = view or eventbridge._pattern_event_view(event)
            try:
                start_pipeline(arn, _parameters(target, view.event_with_detail()))
            except AwsError as error:
                failed(target, event, rule, error)

        return invoke

    ministack_patches.wrap("ministack.services.eventbridge", "_invoke_target", wrapper)
    ministack_patches.wrap("ministack.services.eventbridge", "_dispatch_event", _with_version)


def failed(target: Document, event: Document, rule: Document, error: AwsError) -> None:
    """An event whose target did not start: counted, and put in the target's dead-letter queue.

    EventBridge retries for hours before it does that; here it happens at once.
    """
    name, arn = str(rule.get("Name")), str(target.get("Arn"))
    logger.warning("rule %s -> %s: %s", name, arn, error.message)
    dimensions = {"RuleName": name}
    metrics.put("AWS/Events", "FailedInvocations", 1.0, dimensions=dimensions, unit="Count")
    queue = str((target.get("DeadLetterConfig") or {}).get("Arn") or "")
    record = sqs._queue_by_arn(queue) if queue else None
    if record is None:
        return
    source = str(rule.get("Arn") or protocol.arn("events", f"rule/{name}"))
    try:
        allows("events.amazonaws.com", "sqs", queue, source_arn=source)
    except AwsError as refused:
        logger.warning("rule %s: its dead-letter queue: %s", name, refused.message)
        return
    # The attributes that EventBridge's user guide lists ("Using dead-letter queues").
    attributes = {
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": error.message,
        "RULE_ARN": source,
        "TARGET_ARN": arn,
    }
    body = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
    given = {key: {"DataType": "String", "StringValue": text} for key, text in attributes.items()}
    sqs._act_send_message({"MessageBody": body, "MessageAttributes": given}, record["url"])
    dimensions = {"QueueName": queue.rsplit(":", 1)[1]}
    waiting = "ApproximateNumberOfMessagesVisible"
    metrics.put("AWS/SQS", waiting, len(record["messages"]), dimensions=dimensions, unit="Count")


def _with_version(original: Callable[..., Any]) -> Callable[..., Any]:
    """S3 says in its event which version of a versioned object was written; ministack does not."""

    def dispatch(event: Document, *more: Any, **named: Any) -> Any:
        if event.get("Source") == "aws.s3" and event.get("DetailType") == "Object Created":
            detail = json.loads(event["Detail"])
            version = objects.version(detail["bucket"]["name"], detail["object"]["key"])
            if version:
                detail["object"]["version-id"] = version
                event = {**event, "Detail": json.dumps(detail)}
        return original(event, *more, **named)

    return dispatch


def _parameters(target: Document, event: Document) -> list[Document]:
    given = (target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList") or []
    return [{"Name": item["Name"], "Value": _value(str(item["Value"]), event)} for item in given]


def _value(value: str, event: Document) -> str:
    """A `$.` value is a JSON path into the event, everything else is meant as written."""
    if not value.startswith("$."):
        return value
    found = walk(event, value[2:], what=value)
    return found if isinstance(found, str) else json.dumps(found)
