# SPDX-License-Identifier: Apache-2.0
"""How cores learn of deployments and report them: the topics of AWS IoT jobs, in Greengrass's
namespace.

Nuclei ask ``…/jobs/$next/namespace-aws-gg-deployment/get``, are notified on
``…/jobs/notify-next-namespace-aws-gg-deployment`` and report on
``…/jobs/<job>/namespace-aws-gg-deployment/update``. ministack has the jobs and their messages, and
knows of no namespaces: jobs of this one are not announced on the topics without it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import iot

from ministack_edge import ministack_patches
from ministack_edge.protocol import Document

ID = "aws-gg-deployment"
NEXT = "$next"
IOT = "ministack.services.iot"
_SUFFIX = f"namespace-{ID}"
_REQUEST = re.compile(
    rf"\$aws/things/(?P<thing>[^/]+)/jobs/(?P<job>[^/]+)/{_SUFFIX}/(?P<verb>get|update)"
)
_REPLY = re.compile(
    rf"\$aws/things/[^/]+/jobs/(notify(-next)?-{_SUFFIX}"
    rf"|[^/]+/{_SUFFIX}/(get|update)/(accepted|rejected))"
)

_fronts: dict[tuple[str, str, str], str | None] = {}
"""The job that each thing was last notified of as its next."""


def _ours(execution: Document) -> bool:
    return (iot._jobs.get(execution["jobId"]) or {}).get("namespaceId") == ID


def _pending(thing: str) -> list[Document]:
    return [one for one in iot.jobs_pending_for_thing(thing) if _ours(one)]


def _described(execution: Document) -> Document:
    document = iot._jobs_job_document_object(execution["jobId"])
    found: Document = iot._jobs_mqtt_execution(execution, document)
    return found


def _get(thing: str, job: str, request: Document) -> tuple[str, Document]:
    """DescribeJobExecution: a named execution, or the first that is not finished."""
    token = request.get("clientToken")
    if job == NEXT:
        execution = next(iter(_pending(thing)), None)
    else:
        execution = iot.jobs_describe_execution(thing, job)
        if execution is None or not _ours(execution):
            text = f"Job {job} not found for {thing}"
            return "rejected", iot._jobs_rejected("ResourceNotFound", text, token)
        if error := iot.jobs_reject_terminal_describe(execution):
            return "rejected", iot._jobs_error_tuple_to_rejected(error, token)
    found: Document = iot._jobs_mqtt_head(token, int(time.time()))
    if execution is not None:
        found["execution"] = _described(execution)
    return "accepted", found


def _update(thing: str, job: str, request: Document) -> tuple[str, Document]:
    """UpdateJobExecution."""
    token = request.get("clientToken")
    execution, error = iot.jobs_update_execution(
        thing,
        job,
        status=request.get("status"),
        expected_version=request.get("expectedVersion"),
        status_details=request.get("statusDetails"),
        execution_number=request.get("executionNumber"),
    )
    if error:
        current = iot.jobs_describe_execution(thing, job)
        return "rejected", iot._jobs_error_tuple_to_rejected(error, token, current)
    found: Document = iot._jobs_mqtt_head(token, int(time.time()))
    if request.get("includeJobExecutionState"):
        found["executionState"] = iot.jobs_execution_state(execution)
    return "accepted", found


async def respond(topic: str, payload: bytes) -> None:
    """Answer a message if it is a request of a core; to be called in its account and region."""
    match = _REQUEST.fullmatch(topic)
    if match is None or (match["job"] == NEXT and match["verb"] == "update"):
        return
    thing, job = match["thing"], match["job"]
    try:
        request = json.loads(payload or b"{}")
        if not isinstance(request, dict):
            raise ValueError("not an object")
    except ValueError:
        text = "The request payload must be a JSON object"
        await _publish(f"{topic}/rejected", iot._jobs_rejected("InvalidJson", text))
        return
    kind, document = (_get if match["verb"] == "get" else _update)(thing, job, request)
    await _publish(f"{topic}/{kind}", document)
    if match["verb"] == "update" and kind == "accepted" and request.get("status") != "IN_PROGRESS":
        await _notify(thing)
        await iot.jobs_abort_if_met(get_account_id(), get_region(), job)


async def _publish(topic: str, document: Document) -> None:
    payload = iot._jobs_mqtt_json(document).encode()
    await iot.broker_publish(get_account_id(), get_region(), topic, payload, qos=1)


async def _notify(thing: str) -> None:
    """Say what is pending, and which is next where that has changed."""
    pending = _pending(thing)
    by_status: dict[str, list[Document]] = {}
    for execution in pending:
        summary = iot.jobs_execution_summary(execution)
        by_status.setdefault(execution["status"], []).append(summary)
    moment, topics = int(time.time()), f"$aws/things/{thing}/jobs"
    await _publish(f"{topics}/notify-{_SUFFIX}", {"timestamp": moment, "jobs": by_status})
    key = (get_account_id(), get_region(), thing)
    front = pending[0]["jobId"] if pending else None
    if _fronts.get(key) != front:
        _fronts[key] = front
        more = {"execution": _described(pending[0])} if pending else {}
        await _publish(f"{topics}/notify-next-{_SUFFIX}", {"timestamp": moment, **more})


def _notifying(original: Callable[..., Any]) -> Callable[..., Any]:
    async def notify(account: str, region: str, thing: str, previous: str | None) -> None:
        with request_scope(account, region):
            mine = [_ours(one) for one in iot._job_executions.values() if one["thingName"] == thing]
            if any(mine):
                await _notify(thing)
        if not mine or not all(mine):
            await original(account, region, thing, previous)

    return notify


def _reserving(original: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda topic: original(topic) and not _REPLY.fullmatch(topic)


def install() -> None:
    """Notify cores in the namespace, and keep AWS IoT's own topics of it to AWS IoT."""
    ministack_patches.wrap(IOT, "jobs_notify_thing", _notifying)
    ministack_patches.wrap(IOT, "_reserved_topic_publish_allowed", _reserving)
