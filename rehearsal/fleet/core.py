# SPDX-License-Identifier: Apache-2.0
"""The nucleus of a generated camera: takes deployments from its jobs and reports how they went.

Nothing is installed. How a component behaves is decided by ``judge``.
"""

import json
import platform
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from camera.messaging.publishers import PublishError
from rehearsal.fleet.link import Link
from rehearsal.simulated_core.fleet_status import ComponentStatus, FleetStatus, Trigger
from rehearsal.simulated_core.jobs import MAXIMUM_CHARACTERS, NAMESPACE
from rehearsal.simulated_core.recipe import ARCHITECTURES

Judge = Callable[[str, str], str]
"""Whether a component (name, version) can be installed: why not, or an empty text."""


@dataclass(kw_only=True)
class FleetCore:
    """Works through a thing's jobs one after another. ``link`` is set before it starts."""

    thing: str
    judge: Judge
    link: Link = field(init=False)
    components: dict[str, str] = field(default_factory=dict)
    health: dict[str, str] = field(default_factory=dict)
    """Components that do not run, with their state."""
    done: int = 0
    _jobs: "queue.Queue[dict[str, Any] | None]" = field(default_factory=queue.Queue)
    _seen: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Begin to work, in a thread of its own."""
        threading.Thread(target=self._work, name=f"core-{self.thing}", daemon=True).start()

    def take(self, execution: dict[str, Any]) -> None:
        """A job execution has arrived; AWS IoT may send one twice."""
        self._jobs.put(execution)

    def _work(self) -> None:
        while (execution := self._jobs.get()) is not None:
            job = str(execution["jobId"])
            if job in self._seen or "jobDocument" not in execution:
                continue
            # A report that is not heard is made again: the job comes again with the connection.
            with suppress(PublishError):
                self._report(job, self._apply(execution["jobDocument"]))
                self._seen.add(job)
                self.done += 1

    def _apply(self, document: Mapping[str, Any]) -> str:
        wanted = {
            name: str(part["version"])
            for name, part in document["components"].items()
            if not name.startswith("aws.greengrass.")
        }
        problem = next(
            (found for name, version in wanted.items() if (found := self.judge(name, version))), ""
        )
        if not problem:
            self.components |= wanted
        return problem

    def report_health(self, states: Mapping[str, str]) -> None:
        """Report the components as they are: ``states`` are of those that do not run."""
        self.health = dict(states)
        # Telemetry that is not heard is not kept either: AWS IoT hears the next status.
        with suppress(PublishError):
            self._status()

    def _report(self, job: str, problem: str) -> None:
        details = {"deployment-failure-cause": problem[:MAXIMUM_CHARACTERS]} if problem else {}
        document = {"status": "FAILED" if problem else "SUCCEEDED", "statusDetails": details}
        topic = f"$aws/things/{self.thing}/jobs/{job}/{NAMESPACE}/update"
        self.link.publish(topic, json.dumps(document).encode())
        self._status("THING_GROUP_DEPLOYMENT")

    def _status(self, trigger: Trigger = "COMPONENT_STATUS_CHANGE") -> None:
        status = FleetStatus(
            connection=self.link,
            thing=self.thing,
            nucleus="java",
            architecture=ARCHITECTURES[platform.machine()],
        )
        components = [
            ComponentStatus(name=name, version=version, state=self.health.get(name, "RUNNING"))
            for name, version in self.components.items()
        ]
        status.publish(trigger, components)
