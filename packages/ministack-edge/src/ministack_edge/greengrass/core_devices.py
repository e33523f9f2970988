# SPDX-License-Identifier: Apache-2.0
"""Greengrass core devices: what the simulated cores report, as the cloud shows it."""

from __future__ import annotations

from typing import Any

from ministack.services import iot

from ministack_edge import events
from ministack_edge.greengrass import deployment_jobs, deployments
from ministack_edge.protocol import (
    AwsError,
    Document,
    arn,
    iso,
    not_found,
    now,
    page,
    store,
    with_token,
    without_none,
)

# What a core says -> the status of its job execution.
JOB_STATUS = {
    "IN_PROGRESS": "IN_PROGRESS",
    "SUCCEEDED": "SUCCEEDED",
    "COMPLETED": "SUCCEEDED",
    "FAILED": "FAILED",
    "REJECTED": "REJECTED",
}

_cores: Any = store()


def core_arn(thing: str) -> str:
    """The ARN of a core device."""
    return arn("greengrass", f"coreDevices:{thing}")


async def report(thing: str, document: Document) -> Document:
    """What a core sends by itself: its health, its components, how a deployment went."""
    if thing not in iot._things:
        raise not_found(f"The thing {thing} does not exist")
    core = _cores.setdefault(thing, {"coreDeviceThingName": thing, "_components": {}})
    core.update(
        {
            "coreVersion": document.get("coreVersion", core.get("coreVersion", "2.6.0")),
            "platform": document.get("platform", core.get("platform", "linux")),
            "architecture": document.get("architecture", core.get("architecture", "amd64")),
            "runtime": document.get("runtime", core.get("runtime", "aws_nucleus_lite")),
            "status": document.get("health", core.get("status", "HEALTHY")),
            "lastStatusUpdateTimestamp": now(),
        }
    )
    if document.get("components") is not None:
        core["_components"] = _installed(document["components"], core["_components"])
    status = document.get("status")
    if status is not None:
        if status not in JOB_STATUS:
            raise AwsError(
                "ValidationException", f"status {status!r} must be one of {', '.join(JOB_STATUS)}"
            )
        await _deployment_reported(thing, document, status)
    return {"coreDeviceThingName": thing, "status": core["status"]}


def _installed(given: Any, before: dict[str, Document]) -> dict[str, Document]:
    """Components as {name: version} or {name: {version, state, isRoot, details}}.

    ``before`` are those that the core reported last: a state that stays has not changed.
    """
    moment, found = now(), {}
    for name, value in given.items():
        part = value if isinstance(value, dict) else {"version": value}
        state, last = part.get("state", "RUNNING"), before.get(name, {})
        stays = (last.get("componentVersion"), last.get("lifecycleState")) == (
            part.get("version"),
            state,
        )
        found[name] = without_none(
            {
                "componentName": name,
                "componentVersion": part.get("version"),
                "lifecycleState": state,
                "lifecycleStateDetails": part.get("details"),
                "isRoot": part.get("isRoot", True),
                "lastStatusChangeTimestamp": last["lastStatusChangeTimestamp"] if stays else moment,
                "lastReportedTimestamp": moment,
            }
        )
    return found


async def _deployment_reported(thing: str, document: Document, status: str) -> None:
    deployment_id = document.get("deploymentId", "")
    reason = str(document.get("reason", ""))[:1024]
    details = {"detailedStatus": status} | ({"reason": reason} if reason else {})
    job_id = deployments.find(deployment_id)["iotJobId"]
    await deployment_jobs.report(thing, job_id, JOB_STATUS[status], details)
    if JOB_STATUS[status] == "IN_PROGRESS":
        return
    events.emit(
        "aws.greengrass",
        "Greengrass V2 Effective Deployment Status Change",
        {
            "deploymentId": deployment_id,
            "coreDeviceExecutionStatus": JOB_STATUS[status],
            "modifiedTimestamp": iso(now()),
            "reason": reason,
        },
        resources=[core_arn(thing)],
    )


def _core(thing: str) -> Document:
    core: Document | None = _cores.get(thing)
    if core is None:
        raise not_found(f"The core device {thing} does not exist")
    return core


def get(thing: str) -> Document:
    """GetCoreDevice."""
    return {key: value for key, value in _core(thing).items() if not key.startswith("_")}


def list_cores(query: Document) -> Document:
    """ListCoreDevices of the account or of a thing group."""
    group = query.get("thingGroupArn")
    members: list[str] | None = None
    if group:
        record = iot._thing_groups.get(group.rpartition("/")[2])
        if record is None:
            raise not_found(f"The thing group {group} does not exist")
        members = list(record.get("things", []))
    keys = (
        "coreDeviceThingName",
        "status",
        "lastStatusUpdateTimestamp",
        "platform",
        "architecture",
        "runtime",
    )
    found = [
        {key: core[key] for key in keys}
        for thing, core in sorted(_cores.items())
        if (members is None or thing in members) and query.get("status") in (None, core["status"])
    ]
    items, token = page(found, size=query.get("maxResults"), token=query.get("nextToken"))
    return with_token({"coreDevices": items}, "nextToken", token)


def delete(thing: str) -> None:
    """DeleteCoreDevice; the thing stays."""
    _core(thing)
    _cores.pop(thing)


def effective_deployments(thing: str, query: Document) -> Document:
    """ListEffectiveDeployments: what the device got, or is about to get, from its groups."""
    if thing not in iot._things:
        raise not_found(f"The core device {thing} does not exist")
    found = []
    for deployment in deployments.for_thing(thing):
        job_id = deployment["iotJobId"]
        iot._jobs_materialize_executions(job_id)
        execution = iot._job_executions.get((thing, job_id))
        if execution is None:
            # Its turn in the rollout has not come.
            continue
        details = execution.get("statusDetails") or {}
        found.append(
            without_none(
                {
                    "deploymentId": deployment["deploymentId"],
                    "deploymentName": deployment["deploymentName"],
                    "iotJobId": job_id,
                    "iotJobArn": deployment["iotJobArn"],
                    "targetArn": deployment["targetArn"],
                    "coreDeviceExecutionStatus": execution["status"],
                    "reason": details.get("reason"),
                    "creationTimestamp": deployment["creationTimestamp"],
                    "modifiedTimestamp": execution["lastUpdatedAt"] / 1000,
                }
            )
        )
    items, token = page(
        found, size=query.get("maxResults"), token=query.get("nextToken"), default=50
    )
    return with_token({"effectiveDeployments": items}, "nextToken", token)


def installed_components(thing: str, query: Document) -> Document:
    """ListInstalledComponents as last reported."""
    found = [part for _name, part in sorted(_core(thing)["_components"].items())]
    items, token = page(found, size=query.get("maxResults"), token=query.get("nextToken"))
    return with_token({"installedComponents": items}, "nextToken", token)
