# SPDX-License-Identifier: Apache-2.0
"""Deployments of the model component to a thing group: make, watch, take back.

The rollout alone owns the deployments of the two model groups (docs/adr), so each holds the model
component only and a new one may replace the last.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rollout.settings import RolloutError, Settings

_DEAD = {"CANCELED", "FAILED"}
_IN_PROGRESS_MINUTES = 30
"""A camera that began and did not report by then counts as failed."""
_BEFORE = re.compile(r" \(before: (?P<version>\d+\.\d+\.\d+)\)$")
"""In a deployment's name: what to go back to. AWS does not say how a deployment that another
replaced reads (INACTIVE or CANCELED), and a given-up one is CANCELED too: history alone cannot
tell."""


@dataclass(frozen=True)
class Deployed:
    """The group's newest deployment. None for a version: no model."""

    deployment_id: str
    version: str | None
    before: str | None
    status: str

    @property
    def alive(self) -> bool:
        return self.status not in _DEAD


def deploy(
    *, group: str, version: str, settings: Settings, greengrass: Any, now: datetime
) -> dict[str, Any]:
    """Give the group this model version, unless its newest deployment already does."""
    newest = _newest(group=group, settings=settings, greengrass=greengrass)
    if newest is not None and newest.alive and newest.version == version:
        created, deployment_id, previous = False, newest.deployment_id, newest.before
    else:
        previous = _before(newest, version=version)
        created, deployment_id = (
            True,
            _create(
                group=group,
                version=version,
                before=previous,
                after=newest.deployment_id if newest else "",
                settings=settings,
                greengrass=greengrass,
            ),
        )
    return {
        "group": group,
        "version": version,
        "deployment_id": deployment_id,
        "created": created,
        "previous_version": previous,
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
    *,
    group: str,
    deployment_id: str,
    settings: Settings,
    greengrass: Any,
    previous_version: str | None = None,
) -> dict[str, Any]:
    """Give the group back the model that it had before this deployment, or cancel the deployment.

    ``previous_version`` is what ``deploy`` answered.
    """
    newest = _newest(group=group, settings=settings, greengrass=greengrass)
    if newest is None:
        raise RolloutError(f"{settings.group_arn(group)} has no deployment to take back")
    answer = {"group": group, "restored": False, "version": None, "deployment_id": None}
    restored = None
    if newest.deployment_id != deployment_id:
        if not newest.alive or not previous_version or newest.version != previous_version:
            return {**answer, "detail": f"superseded by deployment {newest.deployment_id}"}
        # This step was done before, and its answer was lost.
        restored = newest.deployment_id
    elif previous_version:
        restored = _create(
            group=group,
            version=previous_version,
            before=None,
            after=deployment_id,
            settings=settings,
            greengrass=greengrass,
        )
    if restored:
        return {
            **answer,
            "restored": True,
            "version": previous_version,
            "deployment_id": restored,
            "detail": f"back to {settings.component} {previous_version}",
        }
    if newest.alive:
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


def _create(
    *,
    group: str,
    version: str,
    before: str | None,
    after: str,
    settings: Settings,
    greengrass: Any,
) -> str:
    """A deployment without abort criteria: ``check`` judges it, and stops judging when it is done.

    Criteria would stay armed for the life of the job, which goes on for cameras that join later:
    one of them that failed could end the deployment for all that come after it.
    """
    target = settings.group_arn(group)
    name = f"{settings.component} {version} to {group}"
    request = {
        "targetArn": target,
        "deploymentName": f"{name} (before: {before})" if before else name,
        "components": {
            settings.component: {
                "componentVersion": version,
                # Else the Java nucleus keeps the model folder of the first version for good.
                "configurationUpdate": {"reset": [""]},
            }
        },
        "deploymentPolicies": {
            "failureHandlingPolicy": "ROLLBACK",
            "componentUpdatePolicy": {"timeoutInSeconds": 60, "action": "NOTIFY_COMPONENTS"},
            "configurationValidationPolicy": {"timeoutInSeconds": 60},
        },
        "iotJobConfiguration": {
            "jobExecutionsRolloutConfig": {"maximumPerMinute": settings.cameras_per_minute},
            "timeoutConfig": {"inProgressTimeoutInMinutes": _IN_PROGRESS_MINUTES},
        },
    }
    # Two executions for one approval, or a retry, get the same deployment.
    token = hashlib.sha256(f"{target} {version} {after}".encode()).hexdigest()
    created = greengrass.create_deployment(**request, clientToken=token)["deploymentId"]
    if _is_over(greengrass, created):
        # A token is answered from a cache for eight hours, whatever has become of the deployment.
        created = greengrass.create_deployment(**request)["deploymentId"]
    return str(created)


def _is_over(greengrass: Any, deployment_id: str) -> bool:
    """Whether a deployment was cancelled or deleted."""
    try:
        found = greengrass.get_deployment(deploymentId=deployment_id)
    except greengrass.exceptions.ResourceNotFoundException:
        return True
    return found.get("deploymentStatus") in _DEAD


def _newest(*, group: str, settings: Settings, greengrass: Any) -> Deployed | None:
    """The group's newest deployment, live or not; None if it never had one."""
    page = greengrass.list_deployments(
        targetArn=settings.group_arn(group), historyFilter="LATEST_ONLY"
    )["deployments"]
    if not page:
        return None
    deployment_id = page[0]["deploymentId"]
    found = greengrass.get_deployment(deploymentId=deployment_id)
    before = _BEFORE.search(found.get("deploymentName", ""))
    return Deployed(
        deployment_id=deployment_id,
        version=found["components"].get(settings.component, {}).get("componentVersion"),
        before=before["version"] if before else None,
        status=found.get("deploymentStatus", ""),
    )


def _before(newest: Deployed | None, *, version: str) -> str | None:
    """The model that the group goes back to when a new one fails; None if there is none."""
    if newest is None:
        return None
    found = newest.version if newest.alive else newest.before
    return found if found != version else newest.before


def _count(details: dict[str, Any], *kinds: str) -> int:
    return sum(int(details.get(f"numberOf{kind}Things", 0)) for kind in kinds)


def _has_things(iot: Any, group: str) -> bool:
    """Whether the group has a camera; right after its creation a job has not counted them yet."""
    found = iot.list_things_in_thing_group(thingGroupName=group, recursive=True, maxResults=1)
    return bool(found.get("things"))
