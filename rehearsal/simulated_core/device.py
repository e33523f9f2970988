# SPDX-License-Identifier: Apache-2.0
"""A simulated Greengrass core device: installs exactly what its deployments name.

Everything it runs was downloaded from the local AWS: the inference Lambda's package and the model
archive are the deployed artifacts. What stands in for hardware is named in ``stand_ins``: the lens
(a folder of photos). Components talk to the IPC that this core serves; what they publish goes to
AWS IoT over the core's own connection, which its certificate and policies limit.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.aws_client import Cloud
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.cloud import CoreCloud
from rehearsal.simulated_core.configuration import Update
from rehearsal.simulated_core.install import Installer
from rehearsal.simulated_core.mqtt import Connection
from rehearsal.simulated_core.recipe import Nucleus
from rehearsal.simulated_core.report import report_deployment
from rehearsal.simulated_core.resolve import PUBLIC_PREFIX

NOT_FOR_LITE = (
    "nucleus lite asks the cloud for every component that a deployment names, and the cloud has "
    "none for it"
)


@dataclass(kw_only=True)
class CoreDevice:
    """One camera. ``start`` polls for deployments until ``stop``; ``problems`` is what went wrong.

    ``stand_ins`` are environment variables that replace hardware; ``model_folder`` is the
    configured folder on a camera, which is moved below the simulated device's own root.
    ``first_group`` is the thing group whose deployment comes first: AWS promises no order.
    """

    thing: str
    folder: Path
    cloud: Cloud
    stand_ins: Mapping[str, str]
    model_folder: str
    news: Callable[[str], None]
    nucleus: Nucleus = "java"
    first_group: str = ""
    connection: Connection | None = None
    problems: list[str] = field(default_factory=list)
    installer: Installer = field(init=False)
    _finished: dict[str, str] = field(default_factory=dict)
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

    def start(self) -> None:
        """Begin to look for deployments, in a thread of its own."""
        self.installer.start()
        self._thread = threading.Thread(target=self._loop, name=self.thread_name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and every component's process."""
        self._stopping.set()
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
        while not self._stopping.wait(0.4):
            try:
                self._follow_deployments()
            except RehearsalError as error:
                self.problems.append(str(error))
            except Exception as error:  # noqa: BLE001 - a device outlives what its cloud answers
                self.problems.append(f"{type(error).__name__}: {error}")

    def _follow_deployments(self) -> None:
        """Apply each deployment of this thing's groups that it has not seen yet."""
        groups = self.cloud.client("iot").list_thing_groups_for_thing(thingName=self.thing)
        arns = {group["groupName"]: group["groupArn"] for group in groups["thingGroups"]}
        greengrass = self.cloud.client("greengrassv2")
        for group in sorted(arns, key=lambda name: (name != self.first_group, name)):
            latest = greengrass.list_deployments(
                targetArn=arns[group], historyFilter="LATEST_ONLY"
            )["deployments"]
            for summary in latest:
                deployment = summary["deploymentId"]
                if self._finished.get(group) != deployment:
                    self._finished[group] = deployment
                    self._apply(group, greengrass.get_deployment(deploymentId=deployment))

    def _apply(self, group: str, deployment: Mapping[str, Any]) -> None:
        core, problem = self.installer, ""
        saved = core.saved()
        for name, wanted in deployment["components"].items():
            try:
                self._bring(group, name, wanted, deployment)
            except RehearsalError as error:
                problem = f"{name} {wanted['componentVersion']}: {error}"
            except ClientError as error:
                problem = f"{name} {wanted['componentVersion']}: {error.response['Error']}"
            if problem:
                break
        policy = deployment.get("deploymentPolicies", {}).get("failureHandlingPolicy", "ROLLBACK")
        if not problem:
            self._roots[group] = _versions(deployment)
        elif self.nucleus == "java" and policy == "ROLLBACK":
            # Nothing goes back by itself on nucleus lite, whatever the policy says.
            core.go_back(saved)
        report_deployment(
            self.cloud,
            thing=self.thing,
            deployment_id=deployment["deploymentId"],
            components=self.components,
            failure=problem,
        )
        if problem:
            self.problems.append(f"deployment to {group} failed: {problem}")
            self.news(f"{self.thing}: deployment to {group} FAILED: {problem}")
        else:
            if self.nucleus == "java" and isinstance(self.cloud, CoreCloud):
                for name in self.components:
                    self.cloud.keep_log(name, f"{name} {self.components[name]} is installed")
            self.news(f"{self.thing}: deployment to {group} installed")

    def _bring(
        self, group: str, name: str, wanted: Mapping[str, Any], deployment: Mapping[str, Any]
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
            {**requirements, f"thinggroup/{group}": f"=={wanted['componentVersion']}"},
            _update_of(wanted),
            # Nucleus lite takes the time at which it writes.
            time=deployment["creationTimestamp"].timestamp()
            if self.nucleus == "java"
            else time.time(),
        )


def _update_of(wanted: Mapping[str, Any]) -> Update | None:
    given = wanted.get("configurationUpdate")
    if given is None:
        return None
    merge = given.get("merge")
    return Update(
        reset=tuple(given.get("reset") or ()), merge=dict(json.loads(merge)) if merge else {}
    )


def _versions(deployment: Mapping[str, Any]) -> dict[str, str]:
    return {name: part["componentVersion"] for name, part in deployment["components"].items()}
