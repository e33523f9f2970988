# SPDX-License-Identifier: Apache-2.0
"""A simulated Greengrass core device: installs exactly what its deployments name.

Everything it runs was downloaded from the local AWS: the inference Lambda's package and the model
archive are the deployed artefacts. What stands in for hardware is named in ``stand_ins``: the lens
(a folder of photos) and the connection to AWS IoT (HTTPS instead of the nucleus's IPC).
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.cloud import Cloud
from rehearsal.component_process import ComponentProcess, run_script
from rehearsal.core_artifacts import fetch_artifacts
from rehearsal.core_report import report_deployment
from rehearsal.errors import RehearsalError
from rehearsal.recipe_script import interpolate

LAMBDA = "aws.greengrass.lambda"


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
    problems: list[str] = field(default_factory=list)
    _installed: dict[str, str] = field(default_factory=dict)
    _finished: dict[str, str] = field(default_factory=dict)
    _running: dict[str, ComponentProcess] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look for deployments, in a thread of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._loop, name=self.thread_name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and every component's process."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
        for process in self._running.values():
            process.stop()

    @property
    def thread_name(self) -> str:
        return f"core-{self.thing}"

    @property
    def components(self) -> dict[str, str]:
        """Installed components and their versions."""
        return dict(self._installed)

    def path_of(self, path_on_camera: str) -> Path:
        """Where an absolute path of a camera lies on this simulated one."""
        return self.folder / "root" / path_on_camera.lstrip("/")

    def check(self) -> None:
        """Raise if a component that should run has ended or a deployment failed."""
        for name, process in self._running.items():
            process.check(name)
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
            # The nucleus and its public components stand for the device's own software.
            if name.startswith("aws.greengrass.") or problem:
                continue
            try:
                self._install(name, wanted["componentVersion"], _merge_of(wanted))
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

    def _install(self, name: str, version: str, merge: Mapping[str, Any]) -> None:
        arn = (
            f"arn:aws:greengrass:{self.cloud.region}:{self.cloud.account}"
            f":components:{name}:versions:{version}"
        )
        answer = self.cloud.client("greengrassv2").get_component(arn=arn, recipeOutputFormat="JSON")
        recipe = json.loads(answer["recipe"])
        artifacts = self.folder / "packages" / name / version
        fetch_artifacts(self.cloud, arn=arn, recipe=recipe, folder=artifacts)
        defaults = recipe.get("ComponentConfiguration", {}).get("DefaultConfiguration", {})
        configuration = deep_merge(defaults, merge)
        if name in self._running:
            self._running.pop(name).stop()
        if recipe.get("ComponentType") == LAMBDA:
            self._running[name] = self._start_lambda(name, configuration, artifacts)
        else:
            self._run_generic(recipe, configuration, artifacts)
        self._installed[name] = version

    def _start_lambda(
        self, name: str, configuration: Mapping[str, Any], folder: Path
    ) -> ComponentProcess:
        parameters = configuration["lambdaExecutionParameters"]
        self.path_of(self.model_folder).mkdir(parents=True, exist_ok=True)
        environment = {
            **parameters.get("EnvironmentVariables", {}),
            "AWS_IOT_THING_NAME": self.thing,
            "AWS_REGION": self.cloud.region,
            "BINSIGHT_MODEL_FOLDER": str(self.path_of(self.model_folder)),
            **self.stand_ins,
        }
        return ComponentProcess.start_lambda(
            package=folder,
            handler=configuration["lambdaHandler"],
            environment=environment,
            log=self.folder / f"{name}.log",
        )

    def _run_generic(
        self, recipe: Mapping[str, Any], configuration: Mapping[str, Any], folder: Path
    ) -> None:
        lifecycle = recipe["Manifests"][0]["Lifecycle"]
        moved = {
            key: str(self.path_of(value)) if value == self.model_folder else value
            for key, value in configuration.items()
        }
        script = interpolate(
            lifecycle["run"]["Script"],
            artifacts=str(folder),
            thing=self.thing,
            root=str(self.folder),
            configuration=moved,
        )
        run_script(script, folder=folder, log=self.folder / f"{recipe['ComponentName']}.log")


def _merge_of(wanted: Mapping[str, Any]) -> dict[str, Any]:
    merge = wanted.get("configurationUpdate", {}).get("merge")
    return dict(json.loads(merge)) if merge else {}


def deep_merge(base: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Greengrass's merge of a configuration update: objects merge, everything else replaces."""
    merged = dict(base)
    for key, value in update.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[key] = deep_merge(known, value)
        else:
            merged[key] = value
    return merged
