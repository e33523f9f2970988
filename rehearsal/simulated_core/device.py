# SPDX-License-Identifier: Apache-2.0
"""A simulated Greengrass core device: installs exactly what its deployments name.

Everything it runs was downloaded from the local AWS: the inference Lambda's package and the model
archive are the deployed artifacts. ``stand_ins`` names the replacements for hardware: the lens (a
folder of photos). Components talk to the IPC that this core serves; what they publish goes to AWS
IoT over the core's own connection, which its certificate and policies limit.
"""

import platform
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.cloud import CoreCloud
from rehearsal.simulated_core.configuration import Update
from rehearsal.simulated_core.disk import keep, kept
from rehearsal.simulated_core.fleet_status import ComponentStatus, FleetStatus
from rehearsal.simulated_core.install import Installer
from rehearsal.simulated_core.jobs import DeploymentJobs, Job
from rehearsal.simulated_core.mqtt import Connection, RefusedError, RejectedError
from rehearsal.simulated_core.recipe import ARCHITECTURES, Nucleus, require_document
from rehearsal.simulated_core.resolve import PUBLIC_PREFIX

POLL_SECONDS = 5.0
"""A core looks for deployments this often even if it is not notified."""

_DISK = "core.json"
NOT_FOR_LITE = (
    "nucleus lite asks the cloud for every component that a deployment names, and the cloud has "
    "none for it"
)


@dataclass(kw_only=True)
class CoreDevice:
    """One camera. ``start`` works on deployments until ``stop``; ``problems`` is what went wrong.

    ``stand_ins`` are environment variables that replace hardware; ``model_folder`` is the
    configured folder on a camera, which is moved below the simulated device's own root.
    Without a ``connection`` it gets no deployments, and its components' messages are dropped.
    """

    thing: str
    folder: Path
    cloud: CoreCloud
    stand_ins: Mapping[str, str]
    model_folder: str
    news: Callable[[str], None]
    nucleus: Nucleus = "java"
    connection: Connection | None = None
    problems: list[str] = field(default_factory=list)
    installer: Installer = field(init=False)
    jobs: DeploymentJobs = field(init=False)
    status: FleetStatus = field(init=False)
    _broken: dict[str, str] = field(default_factory=dict)
    _roots: dict[str, dict[str, str]] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.installer = Installer(
            thing=self.thing,
            folder=self.folder,
            cloud=self.cloud,
            stand_ins=self.stand_ins,
            model_folder=self.model_folder,
            nucleus=self.nucleus,
            connection=self.connection,
        )
        if self.connection is not None:
            self.jobs = DeploymentJobs(self.connection, self.thing)
            self.status = FleetStatus(
                connection=self.connection,
                thing=self.thing,
                nucleus=self.nucleus,
                architecture=ARCHITECTURES[platform.machine()],
            )

    def start(self) -> None:
        """Begin to work on deployments, in a thread of its own."""
        if self.connection is None:
            raise RehearsalError(f"{self.thing} has no connection to AWS IoT")
        self.boot()
        self._thread = threading.Thread(target=self._loop, name=self.thread_name, daemon=True)
        self._thread.start()

    def boot(self) -> None:
        """Start what is on the disk, as a nucleus does: with its configuration, BROKEN or not."""
        self.installer.start()
        found = kept(self.folder / _DISK)
        if found is None:
            return
        self._roots = {group: dict(own) for group, own in found.roots.items()}
        self.installer.configuration.restore(found.configuration)
        for resolved in found.components:
            try:
                self.installer.start_again(resolved)
            except RehearsalError as error:
                self._broken[resolved.name] = resolved.version
                self.problems.append(f"{resolved.name} {resolved.version}: {error}")

    def stop(self) -> None:
        """End the thread and every component's process."""
        self._stopping.set()
        if self.connection is not None:
            self.jobs.changed.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
        self.installer.stop()
        if self.connection is not None:
            self.connection.close()

    @property
    def thread_name(self) -> str:
        return f"core-{self.thing}"

    @property
    def components(self) -> dict[str, str]:
        """Installed components and their versions."""
        return dict(self.installer.installed)

    def check(self) -> None:
        """Raise if a component that should run has ended or a deployment failed."""
        self.installer.check()
        if self.problems:
            raise RehearsalError(f"{self.thing}: {self.problems[-1]}")

    def _loop(self) -> None:
        try:
            self._announce()
        except RefusedError as error:
            self.problems.append(str(error))
        while not self._stopping.is_set():
            try:
                self._follow_deployments()
            except RehearsalError as error:
                self.problems.append(str(error))
            except Exception as error:  # noqa: BLE001 - a device outlives what its cloud answers
                self.problems.append(f"{type(error).__name__}: {error}")
            self.jobs.changed.wait(POLL_SECONDS)
            self.jobs.changed.clear()

    def _announce(self) -> None:
        """Report that the nucleus runs, and subscribe to deployments."""
        self.jobs.listen()
        if self.nucleus == "java":
            self.jobs.look_at_shadow()
        self.status.publish("NUCLEUS_LAUNCH", self._components())

    def _follow_deployments(self) -> None:
        """Work through the jobs that are not finished, in their order."""
        while not self._stopping.is_set() and (job := self.jobs.next()) is not None:
            try:
                self.jobs.update(job, "IN_PROGRESS")
                # Nuclei ask for the groups that they are in with every deployment to one.
                groups = self.cloud.thing_groups()
                self._roots = {name: own for name, own in self._roots.items() if name in groups}
                problem = self._apply(job.group, job.document)
                self._report(job, problem)
            except RejectedError as error:
                # Another deployment replaced this one, or its abort criteria were met.
                self.news(f"{self.thing}: deployment to {job.group} is no longer wanted: {error}")

    def _apply(self, group: str, document: Mapping[str, Any]) -> str:
        """Install a deployment; return the problem, empty if there is none."""
        core, problem, name = self.installer, "", ""
        saved = core.saved()
        try:
            if self.nucleus == "lite":
                require_document(document)
            for name, wanted in document["components"].items():
                self._bring(group, name, wanted, document)
                self._broken.pop(name, None)
        except (RehearsalError, RefusedError) as error:
            problem = str(error)
        except ClientError as error:
            problem = str(error.response["Error"])
        if problem and name:
            self._broken[name] = version = document["components"][name]["version"]
            problem = f"{name} {version}: {problem}"
        if not problem:
            self._roots[group] = _versions(document)
        elif self._goes_back(document):
            core.go_back(saved)
            self._broken.pop(name, None)
        keep(
            self.folder / _DISK,
            components=core.recipes.values(),
            configuration=core.configuration.saved(),
            roots=self._roots,
        )
        if problem:
            self.problems.append(f"deployment to {group} failed: {problem}")
            self.news(f"{self.thing}: deployment to {group} FAILED: {problem}")
        else:
            self.news(f"{self.thing}: deployment to {group} installed")
        return problem

    def _goes_back(self, document: Mapping[str, Any]) -> bool:
        """Whether the deployment rolls back: nucleus lite never does, with any policy."""
        policy = document.get("failureHandlingPolicy", "ROLLBACK")
        return self.nucleus == "java" and policy == "ROLLBACK"

    def _report(self, job: Job, problem: str) -> None:
        """Report a deployment's result to AWS IoT, then the core's state."""
        detail = "SUCCESSFUL"
        if problem:
            back = self._goes_back(job.document)
            detail = "FAILED_ROLLBACK_COMPLETE" if back else "FAILED_ROLLBACK_NOT_REQUESTED"
        status = "FAILED" if problem else "SUCCEEDED"
        self.jobs.update(
            job, status, detailed_deployment_status=detail, deployment_failure_cause=problem
        )
        told = {
            "status": status,
            "fleetConfigurationArnForStatus": job.document["configurationArn"],
            "deploymentId": job.document["deploymentId"],
            "statusDetails": {"detailedStatus": detail},
            "unchangedRootComponents": [],
        }
        self.status.publish("THING_GROUP_DEPLOYMENT", self._components(), told)
        if not problem and self.nucleus == "java":
            for name, version in self.components.items():
                self.cloud.keep_log(name, f"{name} {version} is installed")

    def _components(self) -> list[ComponentStatus]:
        roots = {name for group in self._roots.values() for name in group}
        installed = [
            ComponentStatus(name=name, version=version, state=state, root=name in roots)
            for name, (version, state) in self.installer.states.items()
            if name not in self._broken
        ]
        return installed + [
            ComponentStatus(name=name, version=version, state="BROKEN")
            for name, version in self._broken.items()
        ]

    def _bring(
        self, group: str, name: str, wanted: Mapping[str, Any], document: Mapping[str, Any]
    ) -> None:
        if name.startswith(PUBLIC_PREFIX):
            # A Java nucleus and its public components stand for the device's own software.
            if self.nucleus == "lite":
                raise RehearsalError(NOT_FOR_LITE)
            return
        others = {key: roots for key, roots in self._roots.items() if key != group}
        requirements = {
            f"thinggroup/{key}": f"=={roots[name]}"
            for key, roots in others.items()
            if name in roots
        }
        self.installer.install(
            name,
            {**requirements, f"thinggroup/{group}": f"=={wanted['version']}"},
            _update_of(wanted),
            # Nucleus lite takes the time at which it writes.
            time=document["creationTimestamp"] / 1000 if self.nucleus == "java" else time.time(),
        )


def _update_of(wanted: Mapping[str, Any]) -> Update | None:
    given = wanted.get("configurationUpdate")
    if given is None:
        return None
    return Update(reset=tuple(given.get("reset") or ()), merge=dict(given.get("merge") or {}))


def _versions(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: part["version"] for name, part in document["components"].items()}
