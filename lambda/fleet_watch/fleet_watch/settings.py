# SPDX-License-Identifier: Apache-2.0
"""The watcher's settings, from its environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the watcher reads and where it reports; ``place`` names the environment."""

    place: str
    table: str
    topic: str
    namespace: str
    group: str
    group_arn: str
    silent_after_ms: int


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises KeyError naming the variable that is missing."""
    return Settings(
        place=environment["PLACE"],
        table=environment["LATEST_TABLE"],
        topic=environment["ALERTS_TOPIC"],
        namespace=environment["METRIC_NAMESPACE"],
        group=environment["THING_GROUP"],
        group_arn=environment["THING_GROUP_ARN"],
        silent_after_ms=int(environment["SILENT_AFTER_SECONDS"]) * 1000,
    )
