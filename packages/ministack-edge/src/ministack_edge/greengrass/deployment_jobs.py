# SPDX-License-Identifier: Apache-2.0
"""The IoT job that carries a Greengrass deployment to its devices.

As on AWS it is a real one: its counts, its rollout rate, its abort criteria and its reaction to
things that join the group are those of AWS IoT jobs (ministack's), not a second book kept here.
"""

from __future__ import annotations

import json

from ministack.core.responses import get_account_id, get_region
from ministack.services import iot

from ministack_edge.protocol import AwsError, Document, arn, without_none


async def create(deployment: Document) -> None:
    """Offer the deployment to its things: a group's job goes on for things that join later."""
    target = deployment["targetArn"]
    configuration = deployment["iotJobConfiguration"]
    is_group = ":thinggroup/" in target
    document = {
        "deploymentId": deployment["deploymentId"],
        "deploymentName": deployment["deploymentName"],
        "configurationArn": arn(
            "greengrass",
            f"configuration:{target.rpartition(':')[2]}:{deployment['revisionId']}",
        ),
        "creationTimestamp": int(deployment["creationTimestamp"] * 1000),
        "components": {
            name: {"version": part["componentVersion"]}
            for name, part in deployment["components"].items()
        },
        "failureHandlingPolicy": deployment["deploymentPolicies"]["failureHandlingPolicy"],
    }
    body = {
        "targets": [target],
        "targetSelection": "CONTINUOUS" if is_group else "SNAPSHOT",
        "document": json.dumps(document),
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


def status(job_id: str) -> str:
    """IN_PROGRESS, COMPLETED or CANCELED."""
    job = iot._jobs.get(job_id)
    return str(job["status"]) if job else "COMPLETED"


async def cancel(job_id: str) -> None:
    """Devices that did not finish it never will."""
    if status(job_id) == "IN_PROGRESS":
        await iot.handle_request("PUT", f"/jobs/{job_id}/cancel", {}, b"{}", {"force": ["true"]})


async def report(thing: str, job_id: str, status: str, details: dict[str, str]) -> None:
    """A core device tells how far it is with a deployment: its job execution takes the status."""
    _execution, error = iot.jobs_update_execution(
        thing, job_id, status=status, status_details=details or None
    )
    if error is not None:
        body = json.loads(error[2] or b"{}")
        raise AwsError("ConflictException", str(body.get("message", body)), status=409)
    await iot.jobs_abort_if_met(get_account_id(), get_region(), job_id)
