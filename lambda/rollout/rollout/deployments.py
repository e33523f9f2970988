# SPDX-License-Identifier: Apache-2.0
"""Deployments of the model component to a thing group: create, watch, revert.

Only the rollout owns the deployments of the two model groups (docs/adr), so each contains only the
model component, and a new one may replace the last.
"""

import math
from datetime import datetime
from typing import Any

from rollout.group_deployments import Deployed, create, newest
from rollout.settings import RolloutError, Settings

NO_MODEL_BEFORE = "the group had no model before: deployment cancelled"
_LONGEST_WAIT_SECONDS = 600
"""Maximum time between checks, and so the maximum age of what `make rollout` shows."""


def deploy(
    *, group: str, version: str, settings: Settings, greengrass: Any, now: datetime
) -> dict[str, Any]:
    """Give the group this model version, unless its newest deployment already does."""
    last = newest(group=group, settings=settings, greengrass=greengrass)
    if last is not None and last.alive and last.version == version:
        created, deployment_id, previous = False, last.deployment_id, last.before
    else:
        previous = _before(last, version=version)
        created, deployment_id = (
            True,
            create(
                group=group,
                version=version,
                before=previous,
                after=last.deployment_id if last else "",
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
    """The deployment's state: RUNNING, SUCCEEDED or FAILED.

    It comes with a reason to show, and with the seconds to wait before the next check.
    """
    deployment = greengrass.get_deployment(deploymentId=deployment_id)
    job = iot.describe_job(jobId=deployment["iotJobId"])["job"]
    details = job.get("jobProcessDetails", {})
    succeeded = _count(details, "Succeeded")
    failed = _count(details, "Failed", "Rejected")
    begun = _count(details, "InProgress", "TimedOut")
    counts = {
        # A camera that started and fell silent counts as asleep, like one that has not started:
        # neither failed.
        "pending": begun + _count(details, "Queued"),
        "succeeded": succeeded,
        "failed": failed,
    }
    age = (now - datetime.fromisoformat(started_at)).total_seconds()
    late = age > 60 * settings.patience_minutes
    cameras = bool(sum(counts.values())) or _has_things(iot, settings.group_name(group))
    status, reason = _judge(
        group=group,
        counts=counts,
        begun=begun,
        canceled="CANCELED" in {deployment.get("deploymentStatus"), job.get("status")},
        late=late,
        cameras=cameras,
        maximum_failed_percent=settings.maximum_failed_percent,
    )
    return {
        "deployment_id": deployment_id,
        "status": status,
        "reason": reason,
        "counts": counts,
        "wait_seconds": wait_seconds(age, settings),
    }


def restore(
    *,
    group: str,
    deployment_id: str,
    settings: Settings,
    greengrass: Any,
    previous_version: str | None = None,
) -> dict[str, Any]:
    """Give the group back the model that it had before this deployment, or cancel the deployment.

    ``previous_version`` is the answer of ``deploy``.
    """
    last = newest(group=group, settings=settings, greengrass=greengrass)
    if last is None:
        raise RolloutError(f"{settings.group_arn(group)} has no deployment to revert")
    answer = {"group": group, "restored": False, "version": None, "deployment_id": None}
    restored = None
    if last.deployment_id != deployment_id:
        if not last.alive or not previous_version or last.version != previous_version:
            return {**answer, "detail": f"superseded by deployment {last.deployment_id}"}
        # This step was already done, and its answer was lost.
        restored = last.deployment_id
    else:
        restored = take_back(
            last, previous_version, group=group, settings=settings, greengrass=greengrass
        )
    if restored:
        return {
            **answer,
            "restored": True,
            "version": previous_version,
            "deployment_id": restored,
            "detail": f"back to {settings.component} {previous_version}",
        }
    return {**answer, "detail": NO_MODEL_BEFORE}


def undo(*, version: str, since: str, settings: Settings, greengrass: Any) -> dict[str, str]:
    """Revert the deployments that a rollout of this version made since ``since``, and describe
    them.

    For a rollout whose execution was stopped, timed out, or could not restore. Other deployments
    stay: older ones, those of other versions, and those that the rollout itself restored.
    """
    return {
        group: _undone(
            group=group, version=version, since=since, settings=settings, greengrass=greengrass
        )
        for group in ("fleet", "canary")
    }


def _undone(*, group: str, version: str, since: str, settings: Settings, greengrass: Any) -> str:
    last = newest(group=group, settings=settings, greengrass=greengrass)
    if last is None or not last.alive:
        return "it has no deployment: nothing to revert"
    begun = datetime.fromisoformat(since)
    if last.version != version or last.created_at is None or last.created_at < begun:
        return f"it has {settings.component} {last.version}: nothing to revert"
    if take_back(last, last.before, group=group, settings=settings, greengrass=greengrass):
        return f"back to {settings.component} {last.before}"
    return NO_MODEL_BEFORE


def take_back(
    last: Deployed, to: str | None, *, group: str, settings: Settings, greengrass: Any
) -> str | None:
    """Replace the group's newest deployment with one of version ``to`` and return its id.

    Without a version to go back to, cancel it.
    """
    if to:
        return create(
            group=group,
            version=to,
            before=None,
            after=last.deployment_id,
            settings=settings,
            greengrass=greengrass,
        )
    if last.alive:
        greengrass.cancel_deployment(deploymentId=last.deployment_id)
    return None


def wait_seconds(age: float, settings: Settings) -> int:
    """How long to wait before the next check of a deployment that is ``age`` seconds old.

    Half of the deployment's age, so that a group of sleeping cameras needs few checks, however many
    it has; and no longer than the cameras may take to answer.
    """
    left = 60 * settings.patience_minutes - age + 1
    wait = math.ceil(min(age / 2, _LONGEST_WAIT_SECONDS, left))
    return max(settings.check_seconds, wait)


def _judge(
    *,
    group: str,
    counts: dict[str, int],
    begun: int,
    canceled: bool,
    late: bool,
    cameras: bool,
    maximum_failed_percent: float,
) -> tuple[str, str]:
    pending, succeeded, failed = counts["pending"], counts["succeeded"], counts["failed"]
    answered = succeeded + failed
    summary = f"{succeeded} succeeded, {failed} failed, {pending} waiting or asleep"
    if canceled:
        return "FAILED", f"deployment was cancelled: {summary}"
    if not cameras:
        return "SUCCEEDED", "no camera in the group"
    # Fail early only if success on all other cameras could not reduce the share enough.
    total = answered + pending
    share = 100 * failed / (answered if late or not pending else total) if failed else 0.0
    if share > maximum_failed_percent:
        return "FAILED", f"more than {maximum_failed_percent:g} % of cameras failed: {summary}"
    if not late:
        return ("SUCCEEDED" if answered and not pending else "RUNNING"), summary
    return _judge_late(group, counts, begun, summary)


def _judge_late(group: str, counts: dict[str, int], begun: int, summary: str) -> tuple[str, str]:
    """The result of a deployment that some cameras did not answer in time."""
    if group == "canary" and begun > counts["succeeded"]:
        return "FAILED", (
            f"{begun} canaries started the deployment and fell silent, more than have the model: "
            f"a power cut, or a model that stops the machine ({summary})"
        )
    if counts["succeeded"] + counts["failed"]:
        return "SUCCEEDED", summary
    waits = "no camera answered; they get the model when they come back"
    return ("FAILED" if group == "canary" else "SUCCEEDED"), waits


def _before(newest: Deployed | None, *, version: str) -> str | None:
    """The model that the group returns to if a new one fails; None if there is none."""
    if newest is None:
        return None
    found = newest.version if newest.alive else newest.before
    return found if found != version else newest.before


def _count(details: dict[str, Any], *kinds: str) -> int:
    return sum(int(details.get(f"numberOf{kind}Things", 0)) for kind in kinds)


def _has_things(iot: Any, group: str) -> bool:
    """Whether the group has a camera; a new job has not counted them yet."""
    found = iot.list_things_in_thing_group(thingGroupName=group, recursive=True, maxResults=1)
    return bool(found.get("things"))
