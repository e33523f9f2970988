# SPDX-License-Identifier: Apache-2.0
"""Runs an installed component: the steps of a recipe, or a pinned Lambda."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.errors import RehearsalError
from rehearsal.simulated_core import component_process
from rehearsal.simulated_core.component_process import (
    ComponentProcess,
    component_path,
    run_script,
)
from rehearsal.simulated_core.recipe import Nucleus
from rehearsal.simulated_core.recipe_script import Variables
from rehearsal.simulated_core.resolve import Resolved

RESTART_SECONDS = 1.0
STARTS = 3
"""Nucleus lite starts a component that fails so many times in all, then it is BROKEN."""
STEPS = ("install", "startup", "run")

Steps = dict[str, dict[str, Any]]
"""Step names to ``Script``, ``Setenv`` and ``Timeout``, recipe variables replaced."""


@dataclass(kw_only=True)
class Installed:
    """A component as it was started last: what a Java nucleus compares, and its process."""

    resolved: Resolved
    steps: Steps
    process: ComponentProcess | None = None

    @property
    def version(self) -> str:
        return self.resolved.version


def environment_of_core(thing: str, region: str) -> dict[str, str]:
    """What every component of a core has."""
    return {"AWS_IOT_THING_NAME": thing, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}


def rendered(lifecycle: Mapping[str, Any], variables: Variables) -> Steps:
    """The steps as the core keeps them, which is what a Java nucleus compares."""
    common = lifecycle.get("Setenv", {})
    return {
        name: {
            "Script": variables.replace(body["Script"]),
            "Setenv": {
                key: variables.replace(value)
                for key, value in {**common, **body.get("Setenv", {})}.items()
            },
            "Timeout": float(body.get("Timeout", 120)),
        }
        for name, body in lifecycle.items()
        if name in STEPS
    }


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Starts one component: its name, its log, its working folder and what every process has."""

    name: str
    log: Path
    work: Path
    environment: Mapping[str, str]
    nucleus: Nucleus = "java"

    def prepare(self, steps: Steps) -> None:
        """Run the ``install`` step, if there is one. Raises RehearsalError if it fails."""
        if "install" in steps:
            self._end(steps["install"])

    def start(self, steps: Steps) -> ComponentProcess | None:
        """Run ``startup`` and ``run``; the process that stays, None where all have ended well."""
        if "startup" in steps and self.nucleus == "lite":
            self._notified(steps["startup"])
        elif "startup" in steps:
            self._end(steps["startup"])
        if "run" not in steps:
            return None
        # Nucleus lite looks once, so long after the first start, and takes a process that runs for
        # a component that works.
        look = time.monotonic() + component_process.SETTLING_SECONDS
        for start in range(1, STARTS + 1):
            process = ComponentProcess.start_script(
                steps["run"]["Script"],
                folder=self.work,
                environment={**self.environment, **steps["run"]["Setenv"]},
                log=self.log,
            )
            try:
                left = max(look - time.monotonic(), 0)
                return process if process.settles(self.name, left) else None
            except RehearsalError:
                if start == STARTS:
                    raise
            time.sleep(RESTART_SECONDS)
        return None

    def _notified(self, step: Mapping[str, Any]) -> None:
        """Run a ``startup`` step as nucleus lite does: tried again, done when it notifies systemd.

        Raises RehearsalError after the last attempt.
        """
        ready = self.work / ".ready"
        ready.unlink(missing_ok=True)
        path = f"{_with_systemd_notify(self.work)}:{component_path()}"
        told = {"PATH": path, "READY_FILE": str(ready), **step["Setenv"]}
        for start in range(1, STARTS + 1):
            try:
                self._end({**step, "Setenv": told})
                break
            except RehearsalError:
                if start == STARTS:
                    raise
            time.sleep(RESTART_SECONDS)
        if not ready.exists():
            raise RehearsalError(f"{self.name} on nucleus lite: startup never said --ready")

    def _end(self, step: Mapping[str, Any]) -> None:
        run_script(
            step["Script"],
            folder=self.work,
            log=self.log,
            environment={**self.environment, **step["Setenv"]},
            timeout=step["Timeout"],
        )


def _with_systemd_notify(work: Path) -> Path:
    """A folder with a ``systemd-notify`` that works without systemd."""
    folder = work / ".bin"
    folder.mkdir(exist_ok=True)
    program = folder / "systemd-notify"
    program.write_text('#!/bin/sh\n[ "$1" = --ready ] && : > "$READY_FILE"\n')
    program.chmod(0o755)
    return folder
