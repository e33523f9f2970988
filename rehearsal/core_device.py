# SPDX-License-Identifier: Apache-2.0
"""A simulated Greengrass core device: installs exactly what its deployments name.

Everything it runs was downloaded from the local AWS: the inference Lambda's package and the model
archive are the deployed artefacts. What stands in for hardware is named in ``stand_ins``: the lens
(a folder of photos). A Lambda component publishes over HTTPS instead of the nucleus's IPC; a
generic component talks to the IPC that this core serves.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.cloud import Cloud
from rehearsal.core_install import Installer
from rehearsal.core_recipe import Nucleus
from rehearsal.core_report import report_deployment
from rehearsal.errors import RehearsalError

NOT_FOR_LITE = (
    "nucleus lite asks the cloud for every component that a deployment names, and the cloud has "
    "none for it"
)


@dataclass(kw_only=True)
class CoreDevice:
    """One camera. ``start`` polls for deployments until ``stop``; ``problems`` is what went wrong.

    ``stand_ins`` are environment variables that replace hardware; ``model_folder`` is the
    configured folder on a camera, which is moved below the simulated device's own root.
    """

    thing: str
    folder: Path
    cloud: Cloud
    stand_ins: Mapping[str, str]
    model_folder: str
    news: Callable[[str], None]
    nucleus: Nucleus = "java"
    problems: list[str] = field(default_factory=list)
    installer: Installer = field(init=False)
    _finished: dict[str, str] = field(default_factory=dict)
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
        greengrass = self.cloud.client("greengrassv2")
        for group in groups["thingGroups"]:
            latest = greengrass.list_deployments(
                targetArn=group["groupArn"], historyFilter="LATEST_ONLY"
            )["deployments"]
            for summary in latest:
                deployment = summary["deploymentId"]
                if self._finished.get(group["groupName"]) != deployment:
                    self._finished[group["groupName"]] = deployment
                    self._apply(
                        group["groupName"], greengrass.get_deployment(deploymentId=deployment)
                    )

    def _apply(self, group: str, deployment: Mapping[str, Any]) -> None:
        problem = ""
        for name, wanted in deployment["components"].items():
            if problem:
                break
            if name.startswith("aws.greengrass."):
                # A Java nucleus and its public components stand for the device's own software.
                problem = f"{name}: {NOT_FOR_LITE}" if self.nucleus == "lite" else ""
                continue
            try:
                self.installer.install(name, wanted["componentVersion"], _merge_of(wanted))
            except RehearsalError as error:
                problem = f"{name} {wanted['componentVersion']}: {error}"
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
            self.news(f"{self.thing}: deployment to {group} installed")


def _merge_of(wanted: Mapping[str, Any]) -> dict[str, Any]:
    merge = wanted.get("configurationUpdate", {}).get("merge")
    return dict(json.loads(merge)) if merge else {}
