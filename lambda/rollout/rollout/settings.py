# SPDX-License-Identifier: Apache-2.0
"""Settings of the rollout function, read from environment variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_GROUP_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):iot:(?P<region>[^:]+):(?P<account>\d{12}):thinggroup/(?P<name>.+)"
)


class RolloutError(Exception):
    """The rollout cannot go on as asked; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one environment's rollout works with."""

    artifacts_bucket: str
    component: str
    inference_component: str
    groups: Mapping[str, str]
    model_folder: str
    cameras_per_minute: int
    maximum_failed_percent: float
    patience_minutes: int

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
    groups = {
        "canary": _text(environment, "CANARY_GROUP_ARN"),
        "fleet": _text(environment, "FLEET_GROUP_ARN"),
    }
    for name, arn in groups.items():
        if not _GROUP_ARN.fullmatch(arn):
            raise RolloutError(f"{name.upper()}_GROUP_ARN = {arn!r}: not a thing group's ARN")
    return Settings(
        artifacts_bucket=_text(environment, "ARTIFACTS_BUCKET"),
        component=_text(environment, "MODEL_COMPONENT"),
        inference_component=_text(environment, "INFERENCE_COMPONENT"),
        groups=groups,
        model_folder=_text(environment, "MODEL_FOLDER"),
        cameras_per_minute=int(_number(environment, "CAMERAS_PER_MINUTE", low=1, high=1000)),
        maximum_failed_percent=_number(environment, "MAXIMUM_FAILED_PERCENT", low=0, high=100),
        patience_minutes=int(
            _number(environment, "PATIENCE_MINUTES", low=1, high=10080, default="60")
        ),
    )


def _group(arn: str) -> Mapping[str, str]:
    match = _GROUP_ARN.fullmatch(arn)
    if match is None:
        raise RolloutError(f"{arn!r}: not a thing group's ARN")
    return match.groupdict()


def _text(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise RolloutError(f"environment variable {name} is missing")
    return value


def _number(
    environment: Mapping[str, str], name: str, *, low: float, high: float, default: str = ""
) -> float:
    text = environment.get(name, default)
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise RolloutError(f"environment variable {name} = {text!r}: allowed are {low} to {high}")
    return value
