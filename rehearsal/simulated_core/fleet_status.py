# SPDX-License-Identifier: Apache-2.0
"""What a core says of itself: its health and its components, in the messages of both nuclei."""

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from rehearsal.simulated_core.recipe import Nucleus

Trigger = Literal["NUCLEUS_LAUNCH", "THING_GROUP_DEPLOYMENT", "COMPONENT_STATUS_CHANGE"]
VERSIONS: Mapping[Nucleus, str] = {"java": "2.17.0", "lite": "2.6.0"}
RUNTIMES: Mapping[Nucleus, str] = {"java": "aws_nucleus_classic", "lite": "aws_nucleus_lite"}


class Publisher(Protocol):
    """A way to AWS IoT."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish and wait for the acknowledgement."""


@dataclass(frozen=True, kw_only=True)
class ComponentStatus:
    """A component of a core as it is now."""

    name: str
    version: str
    state: str
    root: bool = True
    details: str = ""


@dataclass(kw_only=True)
class FleetStatus:
    """Publishes the status of one core."""

    connection: Publisher
    thing: str
    nucleus: Nucleus
    architecture: str
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def publish(
        self,
        trigger: Trigger,
        components: list[ComponentStatus],
        deployment: Mapping[str, Any] | None = None,
    ) -> None:
        """Say how the core and all its components are. Raises RefusedError."""
        broken = any(part.state in ("BROKEN", "ERRORED") for part in components)
        message = {
            "ggcVersion": VERSIONS[self.nucleus],
            "platform": "linux",
            "architecture": self.architecture,
            "runtime": RUNTIMES[self.nucleus],
            "thing": self.thing,
            "sequenceNumber": next(self._numbers),
            "timestamp": int(time.time() * 1000),
            "messageType": "COMPLETE",
            "trigger": trigger,
            "overallDeviceStatus": "UNHEALTHY" if broken else "HEALTHY",
            "components": [
                {
                    "componentName": part.name,
                    "version": part.version,
                    "status": part.state,
                    "statusDetails": part.details,
                    "isRoot": part.root,
                    "fleetConfigArns": [],
                }
                for part in components
            ],
            **({"deploymentInformation": deployment} if deployment else {}),
        }
        topic = f"$aws/things/{self.thing}/greengrassv2/health/json"
        self.connection.publish(topic, json.dumps(message).encode())
