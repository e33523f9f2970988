# SPDX-License-Identifier: Apache-2.0
"""The IoT job that carries a Greengrass deployment to its devices.

As on AWS it is a real one: its counts, its rollout rate, its abort criteria and its reaction to
things that join the group are those of AWS IoT jobs (ministack's), not a second book kept here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import iot

from ministack_edge import events, ministack_patches
from ministack_edge.greengrass import job_topics
from ministack_edge.protocol import AwsError, Document, arn, iso, now, without_none

REASON = "deployment-failure-cause"
"""The detail of a job execution in which nuclei say why a deployment failed."""
ENDED = ("SUCCEEDED", "FAILED", "REJECTED")


async def create(deployment: Document) -> None:
    """Offer the deployment to its things: a group's job goes on for things that join later."""
    target = deployment["targetArn"]
    configuration = deployment["iotJobConfiguration"]
    is_group = ":thinggroup/" in target
    policies = deployment["deploymentPolicies"]
    document = {
        "deploymentId": deployment["deploymentId"],
        "deploymentName": deployment["deploymentName"],
        "configurationArn": arn(
            "greengrass",
            f"configuration:{target.rpartition(':')[2]}:{deployment['revisionId']}",
        ),
        "creationTimestamp": int(deployment["creationTimestamp"] * 1000),
        "components": {name: document_of(part) for name, part in deployment["components"].items()},
        "failureHandlingPolicy": policies["failureHandlingPolicy"],
        "componentUpdatePolicy": _timed(policies["componentUpdatePolicy"]),
        "configurationValidationPolicy": _timed(policies["configurationValidationPolicy"]),
    }
    body = {
        "targets": [target],
        "targetSelection": "CONTINUOUS" if is_group else "SNAPSHOT",
        "document": json.dumps(document),
        "namespaceId": job_topics.ID,
        "jobExecutionsRolloutConfig": configuration.get("jobExecutionsRolloutConfig"),
        "abortConfig": configuration.get("abortConfig"),
        "timeoutConfig": configuration.get("timeoutConfig"),
    }
    path = f"/jobs/{deployment['iotJobId']}"
    status, _headers, answer = await iot.handle_request(
        "PUT", path, {}, json.dumps(without_none(body)).encode(), {}
    )
    if status >= 300:
        raise AwsError("ValidationException", f"The deployment's job was refused: {answer!r}")


def document_of(part: Document) -> Document:
    """A component as the document of a nucleus has it: what is merged is no text any more."""
    update = part.get("configurationUpdate")
    given = None
    if update is not None:
        merge = update.get("merge")
        given = without_none(
            {"merge": json.loads(merge) if merge else None, "reset": update.get("reset")}
        )
    return without_none(
        {
            "version": part["componentVersion"],
            "configurationUpdate": given,
            "runWith": part.get("runWith"),
        }
    )


def _timed(policy: Document) -> Document:
    """A policy with the name that nuclei read its time by."""
    return {"timeout" if key == "timeoutInSeconds" else key: value for key, value in policy.items()}


def status(job_id: str) -> str:
    """IN_PROGRESS, COMPLETED or CANCELED."""
    job = iot._jobs.get(job_id)
    return str(job["status"]) if job else "COMPLETED"


async def cancel(job_id: str) -> None:
    """Devices that did not finish it never will."""
    if status(job_id) == "IN_PROGRESS":
        await iot.handle_request("PUT", f"/jobs/{job_id}/cancel", {}, b"{}", {"force": ["true"]})


def _announcing(original: Callable[..., Any]) -> Callable[..., Any]:
    """A core that is done with a deployment sets off an event, whichever way it said so."""

    def update(thing: str, job_id: str, **named: Any) -> tuple[Document | None, Any]:
        execution, error = original(thing, job_id, **named)
        job = iot._jobs.get(job_id) or {}
        if execution and job.get("namespaceId") == job_topics.ID and execution["status"] in ENDED:
            details = execution.get("statusDetails") or {}
            events.emit(
                "aws.greengrass",
                "Greengrass V2 Effective Deployment Status Change",
                {
                    "deploymentId": json.loads(job["document"])["deploymentId"],
                    "coreDeviceExecutionStatus": execution["status"],
                    "modifiedTimestamp": iso(now()),
                    "reason": details.get(REASON, ""),
                },
                resources=[arn("greengrass", f"coreDevices:{thing}")],
            )
        return execution, error

    return update


def install() -> None:
    """Announce what cores report."""
    ministack_patches.wrap("ministack.services.iot", "jobs_update_execution", _announcing)
