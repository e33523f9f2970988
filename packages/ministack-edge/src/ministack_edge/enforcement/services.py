# SPDX-License-Identifier: Apache-2.0
"""Calls that services make themselves, each with its role, by that role's trust policy.

SageMaker's pipelines and jobs ask for themselves (pipeline_actors.py); here are the hooks into the
services that ministack brings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import sns, stepfunctions

from ministack_edge import events, ministack_patches
from ministack_edge.enforcement import keys, storage
from ministack_edge.enforcement.actors import Actor, become
from ministack_edge.enforcement.decisions import AccessDeniedError
from ministack_edge.enforcement.resource_policies import allows
from ministack_edge.protocol import Document, arn

logger = logging.getLogger("ministack_edge.enforcement")

_machine: ContextVar[Actor | None] = ContextVar("state_machine_actor", default=None)
_stream: ContextVar[Actor | None] = ContextVar("delivery_stream_actor", default=None)


def install() -> None:
    """Let these services act as their roles."""
    ministack_patches.wrap("ministack.services.eventbridge", "_invoke_target", _target)
    ministack_patches.wrap("ministack.services.stepfunctions", "_execute_task", _task)
    ministack_patches.wrap("ministack.services.stepfunctions", "_invoke_resource", _resource)
    ministack_patches.wrap("ministack.services.firehose", "_deliver_to_s3", _deliver)
    ministack_patches.wrap("ministack.services.firehose", "_put_s3_object", _put)
    ministack_patches.wrap("ministack.services.lambda_svc", "_emit_lambda_logs", _function_logs)
    ministack_patches.wrap("ministack.services.cloudwatch", "_dispatch_alarm_actions", _alarm)


# EventBridge

_TARGET_ACTIONS = {
    "states": "states:StartExecution",
    "sagemaker": "sagemaker:StartPipelineExecution",
    "firehose": "firehose:PutRecord",
    "kinesis": "kinesis:PutRecord",
    "events": "events:PutEvents",
}


def _target(original: Callable[..., None]) -> Callable[..., None]:
    def invoke(target: Document, event: Document, rule: Document, view: Any = None) -> None:
        destination = str(target.get("Arn", ""))
        service = destination.split(":")[2] if destination.count(":") > 4 else ""
        source = str(rule.get("Arn") or arn("events", f"rule/{rule.get('Name')}"))
        try:
            if service in _TARGET_ACTIONS:
                actor = become(
                    str(target.get("RoleArn", "")), "events.amazonaws.com", source_arn=source
                )
                actor.require(_TARGET_ACTIONS[service], destination, **_of_event(service, event))
            elif service in ("lambda", "sns", "sqs"):
                allows("events.amazonaws.com", service, destination, source_arn=source)
        except AccessDeniedError as error:
            events.failed(target, event, rule, error)
            return
        original(target, event, rule, view)

    return invoke


def _of_event(service: str, event: Document) -> dict[str, str]:
    """What the policy of an event bus may ask about an event."""
    if service != "events":
        return {}
    return {
        "events__source": str(event.get("Source", "")),
        "events__detail-type": str(event.get("DetailType", "")),
    }


# Step Functions


def _task(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(state: Document, raw: Any, execution: Document, context: Document) -> Any:
        machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", "")) or {}
        role = str(machine.get("roleArn", ""))
        actor = become(role, "states.amazonaws.com", source_arn=execution.get("stateMachineArn"))
        token = _machine.set(actor)
        try:
            return original(state, raw, execution, context)
        finally:
            _machine.reset(token)

    return execute


def _resource(original: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(resource: str, given: Any) -> Any:
        actor = _machine.get()
        function = _function_of(resource, given)
        if actor is not None and function:
            try:
                actor.require("lambda:InvokeFunction", function)
            except AccessDeniedError as error:
                raise stepfunctions._ExecutionError(
                    "Lambda.AWSLambdaException", error.message
                ) from error
        elif actor is not None and resource.startswith("arn:aws:states:::"):
            # Never allowed silently: a state machine that calls another service needs a row here
            # first.
            raise stepfunctions._ExecutionError(
                "States.Runtime", f"the local AWS does not decide calls of {resource}"
            )
        return original(resource, given)

    return invoke


def _function_of(resource: str, given: Any) -> str:
    name = str(given.get("FunctionName", "")) if "lambda:invoke" in resource else ""
    if not name and ":function:" in resource:
        name = resource
    if name and not name.startswith("arn:"):
        name = arn("lambda", f"function:{name}")
    return name


# Firehose


def _deliver(original: Callable[..., None]) -> Callable[..., None]:
    def deliver(stream: Document, destination: Document, *more: Any, **named: Any) -> None:
        role = str((destination.get("config") or {}).get("RoleARN", ""))
        actor = become(role, "firehose.amazonaws.com") if role else None
        token = _stream.set(actor)
        try:
            original(stream, destination, *more, **named)
        finally:
            _stream.reset(token)

    return deliver


def _put(original: Callable[..., None]) -> Callable[..., None]:
    def put(bucket: str, key: str, body: bytes) -> None:
        actor = _stream.get()
        if actor is not None:
            # What Firehose asks for on every bucket (Firehose developer guide, "Grant Firehose
            # access to an Amazon S3 destination").
            actor.require("s3:GetBucketLocation", storage.bucket_arn(bucket))
            actor.require("s3:ListBucket", storage.bucket_arn(bucket))
            actor.require("s3:ListBucketMultipartUploads", storage.bucket_arn(bucket))
            actor.require("s3:GetObject", storage.object_arn(bucket, key))
            actor.require("s3:PutObject", storage.object_arn(bucket, key))
            storage.encrypt(actor, bucket, multipart=True)
        original(bucket, key, body)

    return put


# Lambda


def log_group(account: str, region: str, name: str, stream: str = "") -> str:
    """The resource of a call on a log group or one of its streams, as CloudWatch Logs names it."""
    return f"arn:aws:logs:{region}:{account}:log-group:{name}:log-stream:{stream}"


def _function_logs(original: Callable[..., None]) -> Callable[..., None]:
    def emit(function: Document, request_id: str, *more: Any, **named: Any) -> None:
        config = function.get("config") or {}
        role = str(config.get("Role", ""))
        if role:
            name = config.get("FunctionName", "")
            group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
            actor = become(role, "lambda.amazonaws.com", source_arn=config.get("FunctionArn"))
            stream = log_group(get_account_id(), get_region(), group, request_id)
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                # A function runs without its logs; the refusal is in the ledger.
                actor.decide(action, stream)
        original(function, request_id, *more, **named)

    return emit


# CloudWatch alarms


def _alarm(original: Callable[..., None]) -> Callable[..., None]:
    def dispatch(alarm: Document, old: str, new: str, reason: str) -> None:
        field = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(new, "")
        source = str(alarm.get("AlarmArn") or "")
        reached = []
        for topic in alarm.get(field) or []:
            try:
                publishes_to_topic("cloudwatch.amazonaws.com", topic, source_arn=source)
                reached.append(topic)
            except AccessDeniedError as error:
                # The alarm's history says so on AWS; nobody gets the message.
                logger.warning("alarm %s: %s", alarm.get("AlarmName"), error.message)
        original({**alarm, field: reached} if field else alarm, old, new, reason)

    return dispatch


def publishes_to_topic(service: str, topic: str, *, source_arn: str) -> None:
    """A service publishes by itself: topic policy, and key policy where the topic is encrypted."""
    allows(service, "sns", topic, action="sns:Publish", source_arn=source_arn)
    record = sns._topics.get(topic) or {}
    key = keys.resolve(str((record.get("attributes") or {}).get("KmsMasterKeyId") or ""))
    if key:
        for action in ("kms:Decrypt", "kms:GenerateDataKey*"):
            allows(service, "kms", key, action=action.rstrip("*"), source_arn=source_arn)
