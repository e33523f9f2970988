# SPDX-License-Identifier: Apache-2.0
"""Rollouts of bad models in simulated time: how many of so many seeds reach the fleet.

The rollout is the real one: its state machine's definition and its function's code
(lambda/rollout). AWS and the cameras are simulated in memory.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.config.settings import Settings
from infra.edge.rollout_definition import rollout_definition
from rehearsal.fleet.camera_in_memory import GOOD, KINDS, CameraInMemory
from rehearsal.fleet.rollout_settings import rollout_settings
from rehearsal.fleet.simulated_account import FAILED, PENDING, SUCCEEDED, Core, SimulatedAccount
from rehearsal.fleet.state_machine import Execution, TaskError
from rollout.deployments import wait_seconds
from rollout.settings import RolloutError
from rollout_handler import dispatch

OLD, NEW = "1.0.0", "2.0.0"
STEP_SECONDS = 30.0
HOURS = (8, 17)
"""Rollouts begin in working hours, as models are approved by people."""
DAY = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One rollout. ``reached``: whether any fleet camera was given the model."""

    kind: str
    seed: int
    status: str
    reached: bool
    minutes: float
    states: int
    calls: Mapping[str, int]
    reason: str


@dataclass(kw_only=True)
class World:
    """Cameras and an account while time passes."""

    settings: Settings
    kind: str
    seed: int
    canaries: int
    fleet: int
    now: datetime = field(init=False)
    account: SimulatedAccount = field(init=False)
    _cameras: dict[str, CameraInMemory] = field(default_factory=dict)
    _due: list[tuple[datetime, str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed}/{self.kind}")  # noqa: S311 - a simulation
        self.now = DAY + timedelta(hours=self._chance.uniform(*HOURS))
        names = {
            "canary": [f"canary-{number}" for number in range(self.canaries)],
            "fleet": [f"fleet-{number}" for number in range(self.fleet)],
        }
        prefix = self.settings.prefix
        self.account = SimulatedAccount(
            component=f"{prefix}.Model",
            groups={f"{prefix}-model-{name}": things for name, things in names.items()},
            now=lambda: self.now,
            deployed=self._deployed,
        )
        for thing in (thing for things in names.values() for thing in things):
            camera = CameraInMemory(
                thing=thing,
                seed=self.seed,
                asleep=self._chance.random() < 0.05,
                program=f"{prefix}.Inference",
                unsure_below=self.settings.bins.unsure_below,
            )
            self._cameras[thing] = camera
            if not camera.asleep:
                self.account.cores[thing] = Core(thing, self.now)
        for group in self.account.groups:
            self.account.create(
                {
                    "targetArn": group,
                    "components": {self.account.component: {"componentVersion": OLD}},
                }
            )
        self.pass_time(600)
        self.account.calls.clear()

    def pass_time(self, seconds: float) -> None:
        """Let simulated time pass: cameras install, speak, see items and crash."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            step = min(STEP_SECONDS, (end - self.now).total_seconds())
            self.now += timedelta(seconds=step)
            for due in [one for one in self._due if one[0] <= self.now]:
                self._due.remove(due)
                self._install(*due[1:])
            for camera in self._cameras.values():
                self._speak(camera, step)

    def _deployed(self, group: str, deployment: str, version: str) -> None:
        for thing in self.account.groups[group]:
            if not self._cameras[thing].asleep:
                at = self.now + timedelta(seconds=self._chance.uniform(5, 60))
                self._due.append((at, thing, deployment, version))

    def _install(self, thing: str, deployment: str, version: str) -> None:
        executions = self.account.executions[deployment]
        if executions[thing] != PENDING:
            return
        kind = self.kind if version == NEW else "good"
        taken = self._cameras[thing].take(kind, self.now)
        executions[thing] = SUCCEEDED if taken else FAILED

    def _speak(self, camera: CameraInMemory, step: float) -> None:
        core = self.account.cores.get(camera.thing)
        if core is None:
            return
        for row in camera.rows(self.now, step):
            self.account.rows[camera.thing, str(row["kind"])] = row
        names = {"model": f"{self.settings.prefix}.Model", "program": camera.program}
        states = {names[part]: state for part, state in camera.components(self.now).items()}
        if states != core.components or int(self.now.timestamp()) % 300 < step:
            core.reported = self.now
        core.components = states


def roll_out(settings: Settings, kind: str, seed: int, *, fleet: int | None = None) -> Outcome:
    """Roll a model of this kind out, from the canaries' deployment to the end."""
    chance = random.Random(f"{seed}/{kind}/size")  # noqa: S311 - a simulation
    world = World(
        settings=settings,
        kind=kind,
        seed=seed,
        canaries=chance.randint(4, 10),
        fleet=fleet or chance.randint(20, 60),
    )
    function = rollout_settings(settings)
    rollout = settings.rollout
    definition = rollout_definition(
        function_arn="",
        look_seconds=rollout.look_seconds,
        bake_minutes=rollout.bake_minutes,
        timeout_minutes=rollout.timeout_minutes,
    )

    def task(payload: Mapping[str, Any]) -> dict[str, Any]:
        if payload["action"] in ("package", "create_component"):
            return {"version": NEW, "digest": "", "archive_uri": "", "adopt_uri": ""}
        try:
            return dispatch(
                payload, settings=function, clients=world.account.clients, now=world.now
            )
        except RolloutError as error:
            raise TaskError(str(error)) from error

    execution = Execution(definition, task, world.pass_time)
    started = world.now
    status, data = execution.run({"detail": {"ModelPackageArn": ""}})
    made = [
        deployment
        for deployment in world.account.deployments.values()
        if deployment["_group"].endswith("fleet")
        and deployment["components"][world.account.component]["componentVersion"] == NEW
    ]
    return Outcome(
        kind=kind,
        seed=seed,
        status=status,
        reached=bool(made),
        minutes=(world.now - started).total_seconds() / 60,
        states=len(execution.entered),
        calls=dict(world.account.calls),
        reason=json.dumps(data.get("check", {}).get("value", {}).get("reason", "")),
    )


def outcomes(settings: Settings, seeds: int, first: int = 0) -> Iterator[tuple[str, list[Outcome]]]:
    """For each kind of model, the outcome of every seed."""
    for kind in KINDS:
        yield kind, [roll_out(settings, kind, first + seed) for seed in range(seeds)]


POLLS = ("iot:DescribeJob", "greengrass:GetDeployment")
"""Made while cameras are waited for: how many depends on how long they take."""


def calls_and_events(settings: Settings, seed: int, cameras: int) -> tuple[int, int, int]:
    """Of a good model's rollout to a fleet of this size: calls other than polls, polls of each
    look at a group, states entered."""
    done = roll_out(settings, GOOD, seed, fleet=cameras)
    polls = sum(done.calls[name] for name in POLLS)
    looks = done.calls["iot:DescribeJob"]
    return sum(done.calls.values()) - polls, round(polls / looks), done.states


def most_checks(settings: Settings) -> int:
    """How often a group is checked whose cameras never answer."""
    function = rollout_settings(settings)
    age, checks = 0, 1
    while age <= 60 * function.patience_minutes:
        age += wait_seconds(age, function)
        checks += 1
    return checks


def reached(found: list[Outcome]) -> int:
    """How many reached the fleet."""
    return sum(one.reached for one in found)


def summary(found: list[Outcome]) -> str:
    """How the rollouts ended, and how long they took."""
    ends = Counter(one.status for one in found)
    minutes = sorted(one.minutes for one in found)
    text = ", ".join(f"{number} {status}" for status, number in sorted(ends.items()))
    return f"{text}; median {minutes[len(minutes) // 2]:.0f} simulated minutes"
