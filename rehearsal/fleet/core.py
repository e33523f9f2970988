# SPDX-License-Identifier: Apache-2.0
"""The nucleus of a generated camera: takes deployments from its jobs and reports how they went.

Nothing is installed. How a component behaves is decided by ``judge``.
"""

import json
import queue
import threading
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Judge = Callable[[str, str], str]
"""Whether a component (name, version) can be installed: why not, or an empty text."""


@dataclass(kw_only=True)
class FleetCore:
    """Works through a thing's jobs one after another. ``report_url`` is the local AWS's."""

    thing: str
    report_url: str
    judge: Judge
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
            if job not in self._seen and "jobDocument" in execution:
                self._seen.add(job)
                self._apply(execution["jobDocument"])
                self.done += 1

    def _apply(self, document: Mapping[str, Any]) -> None:
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
        self._report(
            {
                "deploymentId": document["deploymentId"],
                "status": "FAILED" if problem else "SUCCEEDED",
                "reason": problem,
            }
        )

    def report_health(self, states: Mapping[str, str]) -> None:
        """Report the components as they are: ``states`` are of those that do not run."""
        self.health = dict(states)
        self._report({})

    def _report(self, more: Mapping[str, Any]) -> None:
        components = {
            name: {"version": version, "state": self.health.get(name, "RUNNING")}
            for name, version in self.components.items()
        }
        body = {
            "components": components,
            "health": "UNHEALTHY" if self.health else "HEALTHY",
            **more,
        }
        request = urllib.request.Request(  # noqa: S310 - the address of the local AWS
            self.report_url.replace("THING", quote(self.thing)),
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - as above
            pass
