# SPDX-License-Identifier: Apache-2.0
"""Deployments of the model component to a thing group: make, watch, take back.

The rollout alone owns the deployments of the two model groups (docs/adr), so each holds the model
component only and a new one may replace the last.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from rollout.settings import RolloutError, Settings

_DEAD = {"CANCELED", "FAILED"}
_IN_PROGRESS_MINUTES = 30
"""A camera that began and did not report by then counts as failed."""


@dataclass(frozen=True)
class Deployed:
    """A deployment of the group, with the model version that it names (None: no model)."""

    deployment_id: str
    version: str | None
    status: str


def deploy(
    *, group: str, version: str, settings: Settings, greengrass: Any, now: datetime
) -> dict[str, Any]:
    """Give the group this model version, unless its live deployment already does."""
    history = _history(group=group, settings=settings, greengrass=greengrass)
    live = next(history, None)
    created = live is None or live.version != version or live.status in _DEAD
    if live is None or created:
        deployment_id = _create(
            group=group,
            version=version,
            after=live.deployment_id if live else "",
            settings=settings,
            greengrass=greengrass,
        )
    else:
        deployment_id = live.deployment_id
    previous = _before(chain([live] if live else [], history), version=version)
    return {
        "group": group,
        "version": version,
        "deployment_id": deployment_id,
        "created": created,
        "previous_version": previous.version if previous else None,
        "started_at": now.isoformat(),
    }


def check(
    *,
    group: str,
    deployment_id: str,
    started_at: str,
    settings: Settings,
    greengrass: Any,
    iot: Any,
    now: datetime,
) -> dict[str, Any]:
    """How far the deployment is: RUNNING, SUCCEEDED or FAILED, with a reason to show."""
    deployment = greengrass.get_deployment(deploymentId=deployment_id)
    job = iot.describe_job(jobId=deployment["iotJobId"])["job"]
    details = job.get("jobProcessDetails", {})
    succeeded = _count(details, "Succeeded")
    failed = _count(details, "Failed", "Rejected", "TimedOut")
    counts = {
        "pending": _count(details, "Queued", "InProgress"),
        "succeeded": succeeded,
        "failed": failed,
    }
    late = now - datetime.fromisoformat(started_at) > timedelta(minutes=settings.patience_minutes)
    cameras = bool(sum(counts.values())) or _has_things(iot, settings.group_name(group))
    status, reason = _judge(
        group=group,
        counts=counts,
        canceled="CANCELED" in {deployment.get("deploymentStatus"), job.get("status")},
        late=late,
        cameras=cameras,
        maximum_failed_percent=settings.maximum_failed_percent,
    )
    return {"deployment_id": deployment_id, "status": status, "reason": reason, "counts": counts}


def restore(
    *, group: str, deployment_id: str, settings: Settings, greengrass: Any
) -> dict[str, Any]:
    """Give the group back the model it had before this deployment, or cancel the deployment."""
    history = _history(group=group, settings=settings, greengrass=greengrass)
    failed = next(history, None)
    if failed is None:
        raise RolloutError(f"{settings.group_arn(group)} has no deployment to take back")
    answer = {"group": group, "restored": False, "version": None, "deployment_id": None}
    if failed.deployment_id != deployment_id:
        return {**answer, "detail": f"superseded by deployment {failed.deployment_id}"}
    previous = _before(history, version=failed.version)
    if previous is not None and previous.version:
        restored = _create(
            group=group,
            version=previous.version,
            after=failed.deployment_id,
            settings=settings,
            greengrass=greengrass,
        )
        return {
            **answer,
            "restored": True,
            "version": previous.version,
            "deployment_id": restored,
            "detail": f"back to {settings.component} {previous.version}",
        }
    if failed.status not in _DEAD:
        greengrass.cancel_deployment(deploymentId=deployment_id)
    return {**answer, "detail": "the group had no model before: deployment cancelled"}


def _judge(
    *,
    group: str,
    counts: dict[str, int],
    canceled: bool,
    late: bool,
    cameras: bool,
    maximum_failed_percent: float,
) -> tuple[str, str]:
    pending, succeeded, failed = counts["pending"], counts["succeeded"], counts["failed"]
    answered = succeeded + failed
    summary = f"{succeeded} succeeded, {failed} failed, {pending} pending"
    if canceled:
        return "FAILED", f"deployment was cancelled: {summary}"
    if not cameras:
        return "SUCCEEDED", "no camera in the group"
    # Early only when even success everywhere else could not bring the share down far enough.
    total = answered + pending
    share = 100 * failed / (answered if late or not pending else total) if failed else 0.0
    if share > maximum_failed_percent:
        return "FAILED", f"more than {maximum_failed_percent:g} % of cameras failed: {summary}"
    if answered and (not pending or late):
        return "SUCCEEDED", summary
    if late:
        waits = "; they get the model when they come back"
        return ("FAILED" if group == "canary" else "SUCCEEDED"), f"no camera answered{waits}"
    return "RUNNING", summary


def _create(*, group: str, version: str, after: str, settings: Settings, greengrass: Any) -> str:
    target = settings.group_arn(group)
    # The token makes a repeated call (a retry after a timeout) return the same deployment.
    token = hashlib.sha256(f"{target} {version} {after}".encode()).hexdigest()
    job: dict[str, Any] = {
        "jobExecutionsRolloutConfig": {"maximumPerMinute": settings.cameras_per_minute},
        "timeoutConfig": {"inProgressTimeoutInMinutes": _IN_PROGRESS_MINUTES},
    }
    if settings.maximum_failed_percent < 100:
        job["abortConfig"] = {
            "criteriaList": [
                {
                    "failureType": "ALL",
                    "action": "CANCEL",
                    # AWS IoT takes no 0; the smallest step means: the first failure ends it.
                    "thresholdPercentage": max(settings.maximum_failed_percent, 0.01),
                    "minNumberOfExecutedThings": 1 if group == "canary" else 10,
                }
            ]
        }
    created = greengrass.create_deployment(
        targetArn=target,
        deploymentName=f"{settings.component} {version} to {group}"[:256],
        components={
            settings.component: {
                "componentVersion": version,
                # Else the Java nucleus keeps the model folder of the first version for good.
                "configurationUpdate": {"reset": [""]},
            }
        },
        deploymentPolicies={
            "failureHandlingPolicy": "ROLLBACK",
            "componentUpdatePolicy": {"timeoutInSeconds": 60, "action": "NOTIFY_COMPONENTS"},
            "configurationValidationPolicy": {"timeoutInSeconds": 60},
        },
        iotJobConfiguration=job,
        clientToken=token,
    )
    return str(created["deploymentId"])


def _history(*, group: str, settings: Settings, greengrass: Any) -> Iterator[Deployed]:
    """The group's deployments, newest first; each is looked up only when it is asked for."""
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = greengrass.list_deployments(
            targetArn=settings.group_arn(group), historyFilter="ALL", maxResults=100, **token
        )
        found += page.get("deployments", [])
        if not page.get("nextToken"):
            break
        token = {"nextToken": page["nextToken"]}
    found.sort(key=lambda item: (item["isLatestForTarget"], item["creationTimestamp"]))
    for item in reversed(found):
        components = greengrass.get_deployment(deploymentId=item["deploymentId"])["components"]
        yield Deployed(
            deployment_id=item["deploymentId"],
            version=components.get(settings.component, {}).get("componentVersion"),
            status=item.get("deploymentStatus", ""),
        )


def _before(older: Iterator[Deployed], *, version: str | None) -> Deployed | None:
    """The newest of the older deployments that was not given up and names another version."""
    return next((d for d in older if d.version != version and d.status not in _DEAD), None)


def _count(details: dict[str, Any], *kinds: str) -> int:
    return sum(int(details.get(f"numberOf{kind}Things", 0)) for kind in kinds)


def _has_things(iot: Any, group: str) -> bool:
    """Whether the group has a camera; right after its creation a job has not counted them yet."""
    found = iot.list_things_in_thing_group(thingGroupName=group, recursive=True, maxResults=1)
    return bool(found.get("things"))
