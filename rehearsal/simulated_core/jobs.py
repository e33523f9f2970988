# SPDX-License-Identifier: Apache-2.0
"""How a core learns of deployments and reports them: AWS IoT jobs over MQTT.

Both nuclei do it in Greengrass's own namespace: they ask for the next job, are notified when
another one is next, and update the execution of the job that they work on.
"""

import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rehearsal.simulated_core.mqtt import Connection, RejectedError

NAMESPACE = "namespace-aws-gg-deployment"
SHADOW = "AWSManagedGreengrassV2Deployment"
MAXIMUM_CHARACTERS = 1024
"""AWS IoT takes so many characters as one detail of a job execution."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A deployment to a thing group that this core has not finished."""

    id: str
    document: Mapping[str, Any]

    @property
    def group(self) -> str:
        """The thing group: ``arn:…:configuration:thinggroup/<group>:<revision>``."""
        target: str = self.document["configurationArn"].split(":configuration:")[1]
        return target.rpartition(":")[0].removeprefix("thinggroup/")


class DeploymentJobs:
    """The jobs of one core. ``changed`` is set when another one is next."""

    def __init__(self, connection: Connection, thing: str) -> None:
        self._connection, self._thing = connection, thing
        self._topics = f"$aws/things/{thing}/jobs"
        self.changed = threading.Event()

    def listen(self) -> None:
        """Ask AWS IoT to say when another job is next. Raises RefusedError."""
        topic = f"{self._topics}/notify-next-{NAMESPACE}"
        self._connection.subscribe(topic, lambda *_message: self.changed.set())

    def look_at_shadow(self) -> None:
        """What the Java nucleus does for deployments to its thing alone, of which there are none.

        Raises RefusedError where AWS IoT does not let it.
        """
        topics = f"$aws/things/{self._thing}/shadow/name/{SHADOW}"
        self._connection.subscribe(f"{topics}/update/delta", lambda *_message: None)
        # Rejected: there is no such shadow.
        with suppress(RejectedError):
            self._connection.ask(f"{topics}/get", {})

    def next(self) -> Job | None:
        """The first job that is not finished; None where there is none. Raises RefusedError."""
        asked = {"jobId": "$next", "thingName": self._thing, "includeJobDocument": True}
        answer = self._connection.ask(
            f"{self._topics}/$next/{NAMESPACE}/get", {**asked, "clientToken": str(uuid.uuid4())}
        )
        execution = answer.get("execution")
        if execution is None:
            return None
        return Job(id=execution["jobId"], document=execution["jobDocument"])

    def update(self, job: Job, status: str, **details: str) -> None:
        """Report how far the deployment is; RejectedError where the job was cancelled meanwhile."""
        told = {key.replace("_", "-"): text for key, text in details.items() if text}
        self._connection.ask(
            f"{self._topics}/{job.id}/{NAMESPACE}/update",
            {
                "status": status,
                "statusDetails": {key: text[:MAXIMUM_CHARACTERS] for key, text in told.items()},
                "clientToken": str(uuid.uuid4()),
            },
        )
