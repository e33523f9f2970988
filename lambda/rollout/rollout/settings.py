# SPDX-License-Identifier: Apache-2.0
"""Settings of the rollout function, read from environment variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.environment import Reader

_GROUP_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):iot:(?P<region>[^:]+):(?P<account>\d{12}):thinggroup/(?P<name>.+)"
)


class RolloutError(Exception):
    """The rollout cannot continue; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one environment's rollout."""

    artifacts_bucket: str
    component: str
    inference_component: str
    groups: Mapping[str, str]
    model_folder: str
    cameras_per_minute: int
    maximum_failed_percent: float
    patience_minutes: int
    check_seconds: int
    """Minimum time between two checks of a deployment."""
    bake_minutes: int
    insights_stack: str
    """The stack that has the latest-state table, once it is deployed."""
    silent_after_ms: float
    minimum_fps: float
    maximum_latency_ms: float
    maximum_slowdown_percent: float
    """How much slower than before the rollout a canary may be; 100: half as fast."""
    false_alarm_percent: float

    def group_arn(self, group: str) -> str:
        """ARN of the thing group that the rollout calls ``canary`` or ``fleet``."""
        if group not in self.groups:
            raise RolloutError(f"group {group!r}: allowed are {', '.join(sorted(self.groups))}")
        return self.groups[group]

    def group_name(self, group: str) -> str:
        return _group(self.group_arn(group))["name"]

    def component_arn(self, version: str) -> str:
        """ARN of a model component version, in the account and region of the thing groups."""
        part = _group(self.group_arn("canary"))
        return (
            f"arn:{part['partition']}:greengrass:{part['region']}:{part['account']}"
            f":components:{self.component}:versions:{version}"
        )


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises RolloutError naming the variable that is missing or wrong."""
    reader = Reader(environment, error=RolloutError)
    groups = {
        "canary": reader.text("CANARY_GROUP_ARN"),
        "fleet": reader.text("FLEET_GROUP_ARN"),
    }
    for name, arn in groups.items():
        if not _GROUP_ARN.fullmatch(arn):
            raise RolloutError(f"{name.upper()}_GROUP_ARN = {arn!r}: not a thing group's ARN")
    return Settings(
        artifacts_bucket=reader.text("ARTIFACTS_BUCKET"),
        component=reader.text("MODEL_COMPONENT"),
        inference_component=reader.text("INFERENCE_COMPONENT"),
        groups=groups,
        model_folder=reader.text("MODEL_FOLDER"),
        cameras_per_minute=reader.count("CAMERAS_PER_MINUTE", high=1000),
        maximum_failed_percent=reader.number("MAXIMUM_FAILED_PERCENT", low=0, high=100),
        patience_minutes=reader.count("PATIENCE_MINUTES", 60, high=10080),
        check_seconds=reader.count("CHECK_SECONDS", high=3600),
        insights_stack=reader.text("INSIGHTS_STACK"),
        silent_after_ms=1000 * reader.count("SILENT_AFTER_SECONDS", high=86_400),
        minimum_fps=reader.number("MINIMUM_FPS", low=0, high=1000),
        maximum_latency_ms=reader.number("MAXIMUM_LATENCY_MS", low=1, high=60_000),
        maximum_slowdown_percent=reader.number("MAXIMUM_SLOWDOWN_PERCENT", low=1, high=10_000),
        false_alarm_percent=reader.number("FALSE_ALARM_PERCENT", low=0.001, high=50),
        bake_minutes=reader.count("BAKE_MINUTES", low=0, high=1440),
    )


def _group(arn: str) -> Mapping[str, str]:
    match = _GROUP_ARN.fullmatch(arn)
    if match is None:
        raise RolloutError(f"{arn!r}: not a thing group's ARN")
    return match.groupdict()
