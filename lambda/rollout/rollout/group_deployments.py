# SPDX-License-Identifier: Apache-2.0
"""The deployments of a thing group in Greengrass: the newest one, and how to create one."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollout.settings import Settings

_DEAD = {"CANCELED", "FAILED"}
_IN_PROGRESS_MINUTES = 10_080
"""A camera that started and lost power continues when it is back, within the longest time that AWS
IoT allows, a week. After a time-out its deployment would be over, and the camera would count as
failed although it only sleeps."""
_BEFORE = re.compile(r" \(before: (?P<version>\d+\.\d+\.\d+)\)$")
"""In a deployment's name: what to go back to. AWS does not document the state of a replaced
deployment (INACTIVE or CANCELED), and a cancelled one is CANCELED too, so the history is not
enough."""


@dataclass(frozen=True)
class Deployed:
    """The group's newest deployment. None for a version: no model."""

    deployment_id: str
    version: str | None
    before: str | None
    status: str
    created_at: datetime | None = None

    @property
    def alive(self) -> bool:
        return self.status not in _DEAD


def newest(*, group: str, settings: Settings, greengrass: Any) -> Deployed | None:
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
        created_at=found.get("creationTimestamp"),
    )


def create(
    *,
    group: str,
    version: str,
    before: str | None,
    after: str,
    settings: Settings,
    greengrass: Any,
) -> str:
    """Create a deployment without abort criteria: ``check`` judges it until it is done.

    Criteria would stay active for the life of the job, which continues for cameras that join later:
    one failure among these could end the deployment for all later cameras.
    """
    target = settings.group_arn(group)
    name = f"{settings.component} {version} to {group}"
    request = {
        "targetArn": target,
        "deploymentName": f"{name} (before: {before})" if before else name,
        "components": {
            settings.component: {
                "componentVersion": version,
                # Otherwise the Java nucleus keeps the model folder of the first version forever.
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
    # Two executions for one approval, and retries, get the same deployment.
    token = hashlib.sha256(f"{target} {version} {after}".encode()).hexdigest()
    created = greengrass.create_deployment(**request, clientToken=token)["deploymentId"]
    if _is_over(greengrass, created):
        # For eight hours a token is answered from a cache, even if the deployment has ended.
        created = greengrass.create_deployment(**request)["deploymentId"]
    return str(created)


def _is_over(greengrass: Any, deployment_id: str) -> bool:
    """Whether a deployment was cancelled or deleted."""
    try:
        found = greengrass.get_deployment(deploymentId=deployment_id)
    except greengrass.exceptions.ResourceNotFoundException:
        return True
    return found.get("deploymentStatus") in _DEAD
