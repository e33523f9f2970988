# SPDX-License-Identifier: Apache-2.0
"""Step caching: a step is reused where an earlier execution did the very same with success.

What is compared is SageMaker's list (developer guide, default cache key attributes), no more: an
input that changes behind an unchanged address is not noticed here either.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack_edge.protocol import Document, now, store

COMPARED = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
}
_SECONDS = {"y": 31536000, "mo": 2592000, "w": 604800, "d": 86400, "h": 3600, "m": 60}

_results: Any = store()


@dataclass(frozen=True)
class Result:
    """What a step left: its job's document and where its property files are."""

    execution_arn: str
    document: Document
    property_files: Mapping[str, str]
    ended: float = field(default_factory=now)


def key(pipeline_arn: str, name: str, kind: str, arguments: Mapping[str, Any]) -> str:
    """What must be equal; only within one pipeline and one step."""
    compared = {part: arguments.get(part) for part in COMPARED[kind]}
    text = json.dumps(compared, sort_keys=True)
    return f"{pipeline_arn}/{name}/{hashlib.sha256(text.encode()).hexdigest()}"


def find(of: str, config: Mapping[str, Any] | None) -> Result | None:
    """The most recent success that has not expired."""
    if not config or not config["Enabled"]:
        return None
    result: Result | None = _results.get(of)
    if result is None or now() - result.ended > seconds(config["ExpireAfter"]):
        return None
    return result


def keep(of: str, result: Result) -> None:
    """Remember a success; also of a step that does not ask for reuse, as SageMaker does."""
    _results[of] = result


def forget(pipeline_arn: str) -> None:
    """A deleted pipeline takes its results along."""
    for name in [name for name in list(_results) if name.startswith(f"{pipeline_arn}/")]:
        _results.pop(name)


def seconds(duration: str) -> float:
    """The length of an ISO 8601 duration; SageMaker takes it with or without the P."""
    days, _, hours = duration.lower().removeprefix("p").partition("t")
    total = 0
    for text, units in ((days, {"m": "mo"}), (hours, {})):
        for number, unit in re.findall(r"(\d+)([a-z])", text):
            total += int(number) * _SECONDS[units.get(unit, unit)]
    return float(total)
