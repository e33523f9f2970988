# SPDX-License-Identifier: Apache-2.0
"""Runs an installed component: the steps of a recipe, or a pinned Lambda."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.component_process import ComponentProcess, run_script
from rehearsal.simulated_core.recipe_script import Variables
from rehearsal.simulated_core.resolve import Resolved

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

    def prepare(self, steps: Steps) -> None:
        """Run the ``install`` step, if there is one. Raises RehearsalError if it fails."""
        if "install" in steps:
            self._end(steps["install"])

    def start(self, steps: Steps) -> ComponentProcess | None:
        """Run ``startup`` and ``run``; the process that stays, None where all have ended well."""
        if "startup" in steps:
            self._end(steps["startup"])
        if "run" not in steps:
            return None
        for start in range(1, STARTS + 1):
            process = ComponentProcess.start_script(
                steps["run"]["Script"],
                folder=self.work,
                environment={**self.environment, **steps["run"]["Setenv"]},
                log=self.log,
            )
            try:
                return process if process.settles(self.name) else None
            except RehearsalError:
                if start == STARTS:
                    raise
        return None

    def _end(self, step: Mapping[str, Any]) -> None:
        run_script(
            step["Script"],
            folder=self.work,
            log=self.log,
            environment={**self.environment, **step["Setenv"]},
            timeout=step["Timeout"],
        )
