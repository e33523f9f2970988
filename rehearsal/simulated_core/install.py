# SPDX-License-Identifier: Apache-2.0
"""Installs components on a simulated core, as a Java nucleus or as a nucleus lite does."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack_edge.greengrass.version_range import VersionRangeError, satisfies
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.artifacts import fetch_artifacts
from rehearsal.simulated_core.cloud import CoreCloud
from rehearsal.simulated_core.component_process import ComponentProcess
from rehearsal.simulated_core.configuration import JAVA_DEFAULT, ConfigurationStore, Update
from rehearsal.simulated_core.ipc import Client, Ipc
from rehearsal.simulated_core.lifecycle import Installed, Runner, environment_of_core, rendered
from rehearsal.simulated_core.mqtt import Connection
from rehearsal.simulated_core.recipe import (
    ARCHITECTURES,
    LAMBDA,
    Nucleus,
    chosen_manifest,
    require_lite,
    require_values,
)
from rehearsal.simulated_core.recipe_script import Variables
from rehearsal.simulated_core.resolve import PUBLIC_PREFIX, Resolved, resolve
from rehearsal.simulated_core.token_exchange import NAME, TokenExchange


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A core before a deployment."""

    components: Mapping[str, Installed]
    configuration: Mapping[str, Any]


@dataclass(kw_only=True)
class Installer:
    """What a core has installed. ``stand_ins`` are variables that replace hardware."""

    thing: str
    folder: Path
    cloud: CoreCloud
    stand_ins: Mapping[str, str]
    model_folder: str
    nucleus: Nucleus
    connection: Connection | None = None
    """The core's own connection to AWS IoT. Without one, what components publish goes nowhere."""
    ipc: Ipc = field(init=False)
    tokens: TokenExchange = field(init=False)
    configuration: ConfigurationStore = field(init=False)
    recipes: dict[str, Resolved] = field(default_factory=dict)
    """On the disk: of every component that was started, or that failed to."""
    _components: dict[str, Installed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.connection is None:
            self.ipc = Ipc(publish=lambda _topic, _payload: None)
        else:
            self.ipc = Ipc(publish=self.connection.publish, subscribe=self.connection.subscribe)
        self.tokens = TokenExchange(self.cloud.credentials)
        self.configuration = ConfigurationStore(nucleus=self.nucleus)

    @property
    def installed(self) -> dict[str, str]:
        """Installed components and their versions."""
        return {name: component.version for name, component in self._components.items()}

    @property
    def states(self) -> dict[str, tuple[str, str]]:
        """Version and state of each installed component."""
        return {
            name: (component.version, "RUNNING" if component.process else "FINISHED")
            for name, component in self._components.items()
        }

    def start(self) -> None:
        """Begin to answer components."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ipc.start()
        self.tokens.start()
        self.ipc.services[NAME] = self.tokens.configuration

    def stop(self) -> None:
        """End every component's process."""
        for name in self._components:
            self._end(name)
        self.ipc.stop()
        self.tokens.stop()

    def check(self) -> None:
        """Raise if a component that should run has ended, or did what a core refuses."""
        for name, component in self._components.items():
            if component.process is not None:
                component.process.check(name)
        if self.ipc.faults:
            raise RehearsalError(f"{self.thing}: {self.ipc.faults[-1]}")

    def path_of(self, path_on_camera: str) -> Path:
        """Where an absolute path of a camera lies on this simulated one."""
        return self.folder / "root" / path_on_camera.lstrip("/")

    def process_of(self, name: str) -> ComponentProcess | None:
        """The process of a component that runs; None where it ended, or is not installed."""
        component = self._components.get(name)
        return component.process if component else None

    def install(
        self, name: str, requirements: Mapping[str, str], update: Update | None, *, time: float
    ) -> None:
        """Bring a component and what it depends on; start what the deployment changed.

        ``requirements`` is who asks for which versions; a deployment asks for exactly one.
        ``time`` is the deployment's. Raises RehearsalError saying why the component does not run.
        """
        resolved = resolve(
            self.cloud,
            name=name,
            requirements=requirements,
            installed=self.installed.get(name),
            architecture=ARCHITECTURES[platform.machine()],
            nucleus=self.nucleus,
        )
        self._bring_dependencies(resolved, time=time)
        self._put(resolved, update, time=time, fetch=self.installed.get(name) != resolved.version)

    def _put(self, resolved: Resolved, update: Update | None, *, time: float, fetch: bool) -> None:
        """Configure and start a component version, its artifacts fetched or on the disk."""
        self.recipes[resolved.name] = resolved
        name, architecture = resolved.name, ARCHITECTURES[platform.machine()]
        manifest = chosen_manifest(resolved.recipe, nucleus=self.nucleus, architecture=architecture)
        if self.nucleus == "lite":
            require_lite(resolved.recipe, manifest)
        configured = resolved.recipe.get("ComponentConfiguration") or {}
        configuration = self.configuration.apply(
            name, defaults=configured.get("DefaultConfiguration", {}), update=update, time=time
        )
        if self.nucleus == "lite":
            require_values(name, configuration)
        packages = self.folder / "packages"
        artifacts = packages / "artifacts" / name / resolved.version
        unarchived = packages / "artifacts-unarchived" / name / resolved.version
        if fetch:
            fetch_artifacts(
                self.cloud,
                arn=resolved.arn,
                manifest=manifest,
                folder=artifacts,
                unarchived=unarchived,
            )
        variables = self._variables(name, configuration, artifacts, unarchived)
        if resolved.recipe.get("ComponentType") == LAMBDA:
            self._run_lambda(resolved, configuration, unarchived)
        else:
            self._run_generic(resolved, manifest["Lifecycle"], variables, update)

    def saved(self) -> Saved:
        """What is installed and configured now, for ``go_back``."""
        return Saved(components=dict(self._components), configuration=self.configuration.saved())

    def go_back(self, saved: Saved) -> None:
        """Undo what a failed deployment did, as a Java nucleus rolls back."""
        self.configuration.restore(saved.configuration)
        self.recipes = {name: each.resolved for name, each in saved.components.items()}
        for name in [*self._components]:
            if self._components[name] is not saved.components.get(name):
                self._end(name)
                del self._components[name]
        for name, component in saved.components.items():
            if name in self._components:
                self.ipc.configure(name, self._moved(self.configuration.of(name)))
            else:
                self.start_again(component.resolved)

    def start_again(self, resolved: Resolved) -> None:
        """Start a component from the core's own disk: in the cloud the version may be gone.

        Raises RehearsalError saying why it does not run.
        """
        self._put(resolved, None, time=JAVA_DEFAULT, fetch=False)

    def _bring_dependencies(self, resolved: Resolved, *, time: float) -> None:
        """Install what a component depends on and the core has not got, with its defaults."""
        for name, dependency in (resolved.recipe.get("ComponentDependencies") or {}).items():
            if name.startswith(PUBLIC_PREFIX):
                continue  # a nucleus and its public components stand for the device's own software
            requirement = dependency["VersionRequirement"]
            mine = self.installed.get(name)
            try:
                met = mine is not None and satisfies(mine, requirement)
            except VersionRangeError as error:
                raise RehearsalError(f"{resolved.name} depends on {name}: {error}") from error
            if not met:
                self.install(name, {resolved.name: requirement}, None, time=time)

    def _variables(
        self, name: str, configuration: Mapping[str, Any], artifacts: Path, unarchived: Path
    ) -> Variables:
        work = self.folder / "work" / name
        work.mkdir(parents=True, exist_ok=True)
        return Variables(
            artifacts=artifacts,
            unarchived=unarchived,
            work=work,
            root=self.folder,
            thing=self.thing,
            configuration=self._moved(configuration),
            slash="/" if self.nucleus == "lite" else "",
        )

    def _moved(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration with the model folder where it lies on this simulated camera."""
        return {
            key: str(self.path_of(value)) if value == self.model_folder else value
            for key, value in configuration.items()
        }

    def _run_lambda(
        self, resolved: Resolved, configuration: Mapping[str, Any], unarchived: Path
    ) -> None:
        """Start a pinned Lambda where its version changed: of more, nobody but AWS knows."""
        name = resolved.name
        if self.installed.get(name) == resolved.version:
            self.ipc.configure(name, configuration)
            return
        self._end(name)
        # On a camera a person makes this folder (docs/packaging.md).
        self.path_of(self.model_folder).mkdir(parents=True, exist_ok=True)
        parameters = configuration["lambdaExecutionParameters"].get("EnvironmentVariables", {})
        client = Client(name=name, configuration=configuration, thing=self.thing)
        process = ComponentProcess.start_lambda(
            package=next(unarchived.iterdir()),
            handler=configuration["lambdaHandler"],
            environment={
                **self._moved(parameters),
                **environment_of_core(self.thing, self.cloud.region),
                **self.ipc.admit(client),
                **self.tokens.environment(resolved.recipe),
                **self.stand_ins,
            },
            log=self.folder / f"{name}.log",
        )
        self._components[name] = Installed(resolved=resolved, steps={}, process=process)

    def _run_generic(
        self,
        resolved: Resolved,
        lifecycle: Mapping[str, Any],
        variables: Variables,
        update: Update | None,
    ) -> None:
        """Run the steps unless this nucleus sees no reason to.

        The Java nucleus compares version and steps as they are with all variables replaced, not the
        configuration. Nucleus lite begins again whatever a deployment has a configuration for.
        """
        name, steps = resolved.name, rendered(lifecycle, variables)
        old = self._components.get(name)
        same = old is not None and old.version == resolved.version
        if same and old and (old.steps == steps if self.nucleus == "java" else update is None):
            self.ipc.configure(name, variables.configuration)
            return
        self._end(name)
        client = Client(name=name, configuration=variables.configuration, thing=self.thing)
        runner = Runner(
            name=name,
            log=self.folder / f"{name}.log",
            nucleus=self.nucleus,
            work=variables.work,
            environment={
                **environment_of_core(self.thing, self.cloud.region),
                **self.ipc.admit(client),
                **self.tokens.environment(resolved.recipe),
                **self.stand_ins,
            },
        )
        self._components.pop(name, None)
        runner.prepare(steps)
        process = runner.start(steps)
        self._components[name] = Installed(resolved=resolved, steps=steps, process=process)

    def _end(self, name: str) -> None:
        process = self.process_of(name)
        if process is not None:
            process.stop()
