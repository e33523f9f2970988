# SPDX-License-Identifier: Apache-2.0
"""Greengrass core devices: what cores say of themselves, as the cloud shows it."""

from __future__ import annotations

from typing import Any

from ministack.services import iot

from ministack_edge.greengrass import deployment_jobs, deployments
from ministack_edge.protocol import (
    Document,
    arn,
    not_found,
    now,
    page,
    store,
    with_token,
    without_none,
)

_cores: Any = store()


def core_arn(thing: str) -> str:
    """The ARN of a core device."""
    return arn("greengrass", f"coreDevices:{thing}")


def note(thing: str, document: Document) -> None:
    """Keep a status message of a core: its health, and all or some of its components.

    Raises KeyError, TypeError or AttributeError, and keeps nothing, where it is no such message.
    """
    core = _cores.get(thing) or {"coreDeviceThingName": thing, "_components": {}}
    told = _installed(document.get("components") or [], core["_components"])
    kept = core["_components"] if document.get("messageType") == "PARTIAL" else {}
    _cores[thing] = {
        **core,
        "coreVersion": document["ggcVersion"],
        "platform": document["platform"],
        "architecture": document["architecture"],
        "runtime": document.get("runtime", "aws_nucleus_classic"),
        "status": document["overallDeviceStatus"],
        "lastStatusUpdateTimestamp": now(),
        "_components": {**kept, **told},
    }


def _installed(given: list[Document], before: dict[str, Document]) -> dict[str, Document]:
    """Components by name; a state that is as it was ``before`` has not changed."""
    moment, found = now(), {}
    for part in given:
        told = {
            "componentName": part["componentName"],
            "componentVersion": part["version"],
            "lifecycleState": part["status"],
            "lifecycleStateDetails": part.get("statusDetails") or None,
            "isRoot": bool(part.get("isRoot")),
        }
        last = before.get(told["componentName"], {})
        compared = ("componentVersion", "lifecycleState")
        stays = all(last.get(key) == told[key] for key in compared)
        found[told["componentName"]] = without_none(
            {
                **told,
                "lastStatusChangeTimestamp": last["lastStatusChangeTimestamp"] if stays else moment,
                "lastReportedTimestamp": moment,
            }
        )
    return found


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
                    "reason": details.get(deployment_jobs.REASON),
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
