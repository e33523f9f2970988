# SPDX-License-Identifier: Apache-2.0
"""Installs components on a simulated core, as a Java nucleus or as a nucleus lite does."""

import json
import platform
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rehearsal.cloud import Cloud
from rehearsal.component_process import ComponentProcess, run_script
from rehearsal.core_artifacts import fetch_artifacts
from rehearsal.core_ipc import Client, Ipc
from rehearsal.core_recipe import Nucleus, chosen_manifest, require_lite, require_values
from rehearsal.errors import RehearsalError
from rehearsal.recipe_script import Variables

LAMBDA = "aws.greengrass.lambda"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "aarch64", "arm64": "aarch64"}
STARTS = 3
"""Nucleus lite starts a component that fails so many times in all, then it is BROKEN."""


@dataclass(kw_only=True)
class Installer:
    """What a core has installed. ``stand_ins`` are variables that replace hardware."""

    thing: str
    folder: Path
    cloud: Cloud
    stand_ins: Mapping[str, str]
    model_folder: str
    nucleus: Nucleus
    installed: dict[str, str] = field(default_factory=dict)
    ipc: Ipc = field(init=False)
    _running: dict[str, ComponentProcess] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ipc = Ipc(publish=self._publish)

    def start(self) -> None:
        """Begin to answer components."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ipc.start()

    def stop(self) -> None:
        """End every component's process."""
        for process in self._running.values():
            process.stop()
        self.ipc.stop()

    def check(self) -> None:
        """Raise if a component that should run has ended, or did what a core refuses."""
        for name, process in self._running.items():
            process.check(name)
        if self.ipc.faults:
            raise RehearsalError(f"{self.thing}: {self.ipc.faults[-1]}")

    def path_of(self, path_on_camera: str) -> Path:
        """Where an absolute path of a camera lies on this simulated one."""
        return self.folder / "root" / path_on_camera.lstrip("/")

    def install(self, name: str, version: str, merge: Mapping[str, Any]) -> None:
        """Bring a component version and run it. Raises RehearsalError saying why it does not."""
        arn = (
            f"arn:aws:greengrass:{self.cloud.region}:{self.cloud.account}"
            f":components:{name}:versions:{version}"
        )
        answer = self.cloud.client("greengrassv2").get_component(arn=arn, recipeOutputFormat="JSON")
        recipe = json.loads(answer["recipe"])
        manifest = chosen_manifest(
            recipe, nucleus=self.nucleus, architecture=ARCHITECTURES[platform.machine()]
        )
        defaults = recipe.get("ComponentConfiguration", {}).get("DefaultConfiguration", {})
        configuration = deep_merge(defaults, merge)
        if self.nucleus == "lite":
            require_lite(recipe, manifest)
            require_values(name, configuration)
        packages = self.folder / "packages"
        artifacts = packages / "artifacts" / name / version
        unarchived = packages / "artifacts-unarchived" / name / version
        fetch_artifacts(
            self.cloud, arn=arn, manifest=manifest, folder=artifacts, unarchived=unarchived
        )
        if name in self._running:
            self._running.pop(name).stop()
        if recipe.get("ComponentType") == LAMBDA:
            self._start_lambda(name, configuration, next(unarchived.iterdir()))
        else:
            variables = self._variables(name, configuration, artifacts, unarchived)
            self._run_generic(name, manifest["Lifecycle"], variables)
        self.installed[name] = version

    def _variables(
        self, name: str, configuration: Mapping[str, Any], artifacts: Path, unarchived: Path
    ) -> Variables:
        work = self.folder / "work" / name
        work.mkdir(parents=True, exist_ok=True)
        moved = {
            key: str(self.path_of(value)) if value == self.model_folder else value
            for key, value in configuration.items()
        }
        return Variables(
            artifacts=artifacts,
            unarchived=unarchived,
            work=work,
            root=self.folder,
            thing=self.thing,
            configuration=moved,
            slash="/" if self.nucleus == "lite" else "",
        )

    def _environment(self) -> dict[str, str]:
        """What every component of a core has."""
        region = self.cloud.region
        return {
            "AWS_IOT_THING_NAME": self.thing,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
        }

    def _start_lambda(self, name: str, configuration: Mapping[str, Any], package: Path) -> None:
        parameters = configuration["lambdaExecutionParameters"]
        self.path_of(self.model_folder).mkdir(parents=True, exist_ok=True)
        self._running[name] = ComponentProcess.start_lambda(
            package=package,
            handler=configuration["lambdaHandler"],
            environment={
                **parameters.get("EnvironmentVariables", {}),
                **self._environment(),
                "BINSIGHT_MODEL_FOLDER": str(self.path_of(self.model_folder)),
                # Nothing stands behind the endpoints of a Java nucleus here.
                "BINSIGHT_PUBLISHER": f"https:{self.cloud.iot_endpoint}",
                **self.stand_ins,
            },
            log=self.folder / f"{name}.log",
        )

    def _run_generic(self, name: str, lifecycle: Mapping[str, Any], variables: Variables) -> None:
        client = Client(name=name, configuration=variables.configuration, thing=self.thing)
        common = {
            **self._environment(),
            **self.ipc.admit(client),
            **self.stand_ins,
        }
        log = self.folder / f"{name}.log"

        def step(kind: str) -> tuple[str, dict[str, str]]:
            """A step's script and environment, recipe variables replaced."""
            body = lifecycle[kind]
            setenv = {**lifecycle.get("Setenv", {}), **body.get("Setenv", {})}
            replaced = {key: variables.replace(value) for key, value in setenv.items()}
            return variables.replace(body["Script"]), {**common, **replaced}

        for kind in ("install", "startup"):
            if kind in lifecycle:
                script, environment = step(kind)
                timeout = float(lifecycle[kind].get("Timeout", 120))
                run_script(
                    script, folder=variables.work, log=log, environment=environment, timeout=timeout
                )
        if "run" in lifecycle:
            script, environment = step("run")
            for start in range(1, STARTS + 1):
                process = ComponentProcess.start_script(
                    script, folder=variables.work, environment=environment, log=log
                )
                try:
                    if process.settles(name):
                        self._running[name] = process
                    return
                except RehearsalError:
                    if start == STARTS:
                        raise

    def _publish(self, topic: str, payload: bytes) -> None:
        """To AWS IoT, as the core does for a component."""
        request = urllib.request.Request(  # noqa: S310 - the address of the local AWS
            f"{self.cloud.iot_endpoint}/topics/{quote(topic, safe='/')}?qos=1",
            data=payload,
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=15):  # noqa: S310 - as above
            pass


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
