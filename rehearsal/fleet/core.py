# SPDX-License-Identifier: Apache-2.0
"""The nucleus of a generated camera: takes deployments from its jobs and reports their results.

It sends the messages of both nuclei (rehearsal/simulated_core). Nothing is installed: ``judge``
decides how a component behaves.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.simulated_core.fleet_status import ComponentStatus, FleetStatus, Trigger
from rehearsal.simulated_core.jobs import DeploymentJobs, Job
from rehearsal.simulated_core.mqtt import Connection, RefusedError, RejectedError
from rehearsal.simulated_core.recipe import Nucleus

Judge = Callable[[str, str], str]
"""Why a component (name, version) cannot be installed; empty if it can."""
LOOK_SECONDS = 5.0
PUBLIC = "aws.greengrass."
ARCHITECTURE = "amd64"


@dataclass(kw_only=True)
class FleetCore:
    """Works through a thing's jobs one after another."""

    thing: str
    nucleus: Nucleus
    judge: Judge
    troubles: list[str] = field(default_factory=list)
    components: dict[str, str] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)
    """Components that do not run."""
    _jobs: DeploymentJobs | None = None
    _status: FleetStatus | None = None
    _attached: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to work, in a thread of its own."""
        threading.Thread(target=self._work, name=f"core-{self.thing}", daemon=True).start()

    def attach(self, connection: Connection) -> None:
        """Speak over this connection from now on. Raises RefusedError."""
        jobs = DeploymentJobs(connection, self.thing)
        jobs.listen()
        # Something may have come while it was not connected.
        jobs.changed.set()
        if self._status is None:
            self._status = FleetStatus(
                connection=connection,
                thing=self.thing,
                nucleus=self.nucleus,
                architecture=ARCHITECTURE,
            )
        self._status.connection = connection
        self._jobs = jobs
        self._attached.set()

    def report_program(self, ending: str, state: str) -> None:
        """Report that the component whose name ends so was started again, or is in a state."""
        names = [name for name in self.components if name.endswith(ending)]
        for one in ("STARTING", "") if not state else (state,):
            self._states = dict.fromkeys(names, one) if one else {}
            self._tell("COMPONENT_STATUS_CHANGE")

    def _work(self) -> None:
        self._attached.wait()
        while (jobs := self._jobs) is not None:
            if not jobs.changed.wait(LOOK_SECONDS):
                continue
            jobs.changed.clear()
            try:
                while (job := jobs.next()) is not None:
                    self._carry_out(jobs, job)
            except RejectedError as error:
                # Another deployment took its place.
                self.troubles.append(str(error))
                jobs.changed.set()
            except RefusedError as error:
                # The connection is gone; everything is requested again on the next one.
                self.troubles.append(str(error))

    def _carry_out(self, jobs: DeploymentJobs, job: Job) -> None:
        jobs.update(job, "IN_PROGRESS")
        problem = self._apply(job.document)
        status = "FAILED" if problem else "SUCCEEDED"
        detail = "FAILED_ROLLBACK_COMPLETE" if problem else "SUCCESSFUL"
        jobs.update(
            job, status, detailed_deployment_status=detail, deployment_failure_cause=problem
        )
        self._tell(
            "THING_GROUP_DEPLOYMENT",
            {
                "status": status,
                "fleetConfigurationArnForStatus": job.document["configurationArn"],
                "deploymentId": job.document["deploymentId"],
                "statusDetails": {"detailedStatus": detail},
                "unchangedRootComponents": [],
            },
        )

    def _apply(self, document: Mapping[str, Any]) -> str:
        wanted = {
            name: str(part["version"])
            for name, part in document["components"].items()
            if not name.startswith(PUBLIC)
        }
        for name, version in wanted.items():
            if problem := self.judge(name, version):
                return problem
        self.components |= wanted
        # What was given up is started again with a deployment.
        self._states = {}
        return ""

    def _tell(self, trigger: Trigger, deployment: Mapping[str, Any] | None = None) -> None:
        if self._status is None:
            return
        parts = [
            ComponentStatus(name=name, version=version, state=self._states.get(name, "RUNNING"))
            for name, version in self.components.items()
        ]
        self._status.publish(trigger, parts, deployment)
