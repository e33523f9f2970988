# SPDX-License-Identifier: Apache-2.0
"""Greengrass V2 deployments: one live deployment per target; a second one supersedes it."""

from __future__ import annotations

import json
import uuid
from typing import Any

from ministack.services import iot

from ministack_edge import tags
from ministack_edge.greengrass import components, deployment_jobs
from ministack_edge.protocol import (
    AwsError,
    Document,
    arn,
    not_found,
    now,
    page,
    require,
    store,
    with_token,
    without_none,
)

PUBLIC_PREFIX = "aws.greengrass."
ACTIVE, CANCELED, COMPLETED = "ACTIVE", "CANCELED", "COMPLETED"
SUPERSEDED = CANCELED
"""What a deployment is called that another replaced. The developer guide says that it is cancelled
(cancel-deployments), and its job is; the API has INACTIVE as well and does not say what for. Here
it is the harder reading: who looks for an earlier model by status finds none."""

_deployments: Any = store()
_revisions: Any = store()


def deployment_arn(deployment_id: str) -> str:
    """The ARN that tags of a deployment hang on."""
    return arn("greengrass", f"deployments:{deployment_id}")


async def create(request: Document) -> Document:
    """CreateDeployment: becomes the only live one of its target."""
    require(request, "targetArn")
    target = request["targetArn"]
    _check_target(target)
    parts = request.get("components") or {}
    for name, part in parts.items():
        _check_component(name, part)
    deployment_id, job_id = str(uuid.uuid4()), str(uuid.uuid4())
    previous = latest_for(target)
    revision = _revisions.get(target, 0) + 1
    deployment = {
        "targetArn": target,
        "revisionId": str(revision),
        "deploymentId": deployment_id,
        "deploymentName": request.get("deploymentName")
        or f"Deployment for {target.rpartition('/')[2]}",
        "deploymentStatus": ACTIVE,
        "iotJobId": job_id,
        "iotJobArn": arn("iot", f"job/{job_id}"),
        "components": parts,
        "deploymentPolicies": _policies(request.get("deploymentPolicies") or {}),
        "iotJobConfiguration": request.get("iotJobConfiguration") or {},
        "creationTimestamp": now(),
        "isLatestForTarget": True,
        "parentTargetArn": request.get("parentTargetArn"),
    }
    await deployment_jobs.create(deployment)
    _revisions[target] = revision
    _deployments[deployment_id] = deployment
    if previous is not None:
        await _retire(previous, SUPERSEDED)
        previous["isLatestForTarget"] = False
    tags.put(deployment_arn(deployment_id), request.get("tags"))
    return {key: deployment[key] for key in ("deploymentId", "iotJobId", "iotJobArn")}


def _check_target(target: str) -> None:
    _, _, resource = target.rpartition(":")
    kind, _, name = resource.partition("/")
    known = {"thing": iot._things, "thinggroup": iot._thing_groups}.get(kind)
    if known is None:
        raise AwsError("ValidationException", f"{target} is neither a thing nor a thing group")
    if target != arn("iot", resource) or name not in known:
        raise not_found(f"The target {target} does not exist")


def _check_component(name: str, part: Document) -> None:
    version = part.get("componentVersion")
    if not version:
        raise AwsError("ValidationException", f"components.{name}.componentVersion is required")
    if not name.startswith(PUBLIC_PREFIX) and not components.exists(name, version):
        raise not_found(f"Component {name} version {version} does not exist in this account")
    merge = (part.get("configurationUpdate") or {}).get("merge")
    if merge is not None:
        try:
            json.loads(merge)
        except (TypeError, ValueError) as error:
            raise AwsError(
                "ValidationException", f"components.{name}.configurationUpdate.merge: {error}"
            ) from error


def _policies(given: Document) -> Document:
    """The service's defaults, so that GetDeployment tells what a device will do."""
    return {
        "failureHandlingPolicy": given.get("failureHandlingPolicy", "ROLLBACK"),
        "componentUpdatePolicy": {
            "timeoutInSeconds": 60,
            "action": "NOTIFY_COMPONENTS",
            **(given.get("componentUpdatePolicy") or {}),
        },
        "configurationValidationPolicy": {
            "timeoutInSeconds": 60,
            **(given.get("configurationValidationPolicy") or {}),
        },
    }


async def _retire(deployment: Document, status: str) -> None:
    """Devices that did not start it never will; its job shows CANCELED."""
    if deployment["deploymentStatus"] != ACTIVE:
        return
    deployment["deploymentStatus"] = status
    await deployment_jobs.cancel(deployment["iotJobId"])


def latest_for(target: str) -> Document | None:
    """The target's live deployment, if it has one."""
    for deployment in _deployments.values():
        if deployment["targetArn"] == target and deployment["isLatestForTarget"]:
            record: Document = deployment
            return record
    return None


def find(deployment_id: str) -> Document:
    """The stored deployment."""
    found: Document | None = _deployments.get(deployment_id)
    if found is None:
        raise not_found(f"The requested deployment {deployment_id} does not exist")
    return found


def _refresh(deployment: Document) -> Document:
    """A deployment to one thing is done when its job is; a group's stays live for new things."""
    if deployment["deploymentStatus"] == ACTIVE:
        state = deployment_jobs.status(deployment["iotJobId"])
        if state == "COMPLETED":
            deployment["deploymentStatus"] = COMPLETED
        elif state == "CANCELED":
            # Its abort criteria were met.
            deployment["deploymentStatus"] = CANCELED
    return deployment


def get(deployment_id: str) -> Document:
    """GetDeployment."""
    deployment = _refresh(find(deployment_id))
    return without_none({**deployment, "tags": tags.of(deployment_arn(deployment_id))})


def list_deployments(query: Document) -> Document:
    """ListDeployments: the latest of each target unless historyFilter=ALL; newest first."""
    everything = query.get("historyFilter", "LATEST_ONLY") == "ALL"
    keys = (
        "targetArn",
        "revisionId",
        "deploymentId",
        "deploymentName",
        "creationTimestamp",
        "deploymentStatus",
        "isLatestForTarget",
        "parentTargetArn",
    )
    found = [
        without_none({key: _refresh(item).get(key) for key in keys})
        for item in _deployments.values()
        if (everything or item["isLatestForTarget"])
        and query.get("targetArn") in (None, item["targetArn"])
    ]
    found.sort(key=lambda item: (item["creationTimestamp"], int(item["revisionId"])), reverse=True)
    items, token = page(
        found, size=query.get("maxResults"), token=query.get("nextToken"), default=50
    )
    return with_token({"deployments": items}, "nextToken", token)


async def cancel(deployment_id: str) -> Document:
    """CancelDeployment."""
    deployment = _refresh(find(deployment_id))
    if deployment["deploymentStatus"] != ACTIVE:
        raise AwsError(
            "ConflictException",
            f"Deployment {deployment_id} is {deployment['deploymentStatus']}, not {ACTIVE}",
            status=409,
        )
    await _retire(deployment, CANCELED)
    return {"message": "SUCCESS"}


def delete(deployment_id: str) -> None:
    """DeleteDeployment: an active one must be canceled first."""
    deployment = _refresh(find(deployment_id))
    if deployment["deploymentStatus"] == ACTIVE:
        raise AwsError(
            "ConflictException",
            f"Deployment {deployment_id} is active; cancel it before it can be deleted",
            status=409,
        )
    _deployments.pop(deployment_id)
    tags.forget(deployment_arn(deployment_id))


def for_thing(thing: str) -> list[Document]:
    """The live deployments that a thing takes part in, oldest first."""
    targets = {arn("iot", f"thing/{thing}")} | {
        arn("iot", f"thinggroup/{name}")
        for name, group in iot._thing_groups.items()
        if thing in group.get("things", [])
    }
    found = [
        item
        for item in _deployments.values()
        if item["targetArn"] in targets and item["isLatestForTarget"]
    ]
    return sorted(found, key=lambda item: item["creationTimestamp"])
