# SPDX-License-Identifier: Apache-2.0
"""The MQTT topics of one environment."""

import re
from dataclasses import dataclass

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
ANY_THING = "+"
"""Stands for every camera in a topic filter."""


@dataclass(frozen=True)
class Topics:
    """Topics of an environment: ``<prefix>/<thing>/<kind>``.

    ``prefix`` is one or more segments joined by ``/``. Names under ``$`` are reserved by AWS IoT,
    and a publish to one may end the connection, so they are refused.
    """

    prefix: str

    def __post_init__(self) -> None:
        if not all(_SEGMENT.fullmatch(segment) for segment in self.prefix.split("/")):
            raise ValueError(
                f"topic prefix {self.prefix!r}: segments of letters, digits, '_', '.', '-', "
                "joined by '/'; names starting with '$' are reserved by AWS IoT"
            )

    @property
    def thing_segment(self) -> int:
        """Position of the thing name in a topic, counted from 1 as in IoT SQL's ``topic(n)``."""
        return self.prefix.count("/") + 2

    def detections(self, thing: str) -> str:
        """One message per sorted item."""
        return self._topic(thing, "detections")

    def telemetry(self, thing: str) -> str:
        """The camera's state: once a minute and on change."""
        return self._topic(thing, "telemetry")

    def commands(self, thing: str) -> str:
        """Commands for the camera."""
        return self._topic(thing, "commands")

    def _topic(self, thing: str, kind: str) -> str:
        return f"{self.prefix}/{thing}/{kind}"
