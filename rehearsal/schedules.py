# SPDX-License-Identifier: Apache-2.0
"""Runs scheduled functions, because a rehearsal ends before their schedule would start them."""

import json
from collections.abc import Iterator
from typing import Any

from rehearsal.aws_client import Cloud
from rehearsal.errors import RehearsalError


def run_schedules(cloud: Cloud) -> list[str]:
    """Run each Lambda function that a schedule of the environment starts, once; their names.

    ``cloud`` acts as root, in place of EventBridge; the functions act as their own roles. Raises
    RehearsalError with the function's answer where one fails.
    """
    events, functions = cloud.client("events"), cloud.client("lambda")
    ran = []
    for rule, function in _scheduled(events, f"{cloud.prefix}-"):
        answer = functions.invoke(
            FunctionName=function, Payload=json.dumps({"source": "aws.events"})
        )
        said = answer["Payload"].read().decode()
        name = function.rsplit(":", 1)[1]
        if answer.get("FunctionError"):
            raise RehearsalError(f"{name}, started by {rule}: {said}")
        ran.append(name)
    return ran


def _scheduled(events: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Rule and function (ARN) of everything that the clock starts."""
    rules = events.get_paginator("list_rules").paginate(NamePrefix=prefix)
    for rule in (rule for page in rules for rule in page["Rules"]):
        if not rule.get("ScheduleExpression"):
            continue
        targets = events.get_paginator("list_targets_by_rule").paginate(Rule=rule["Name"])
        for target in (target for page in targets for target in page["Targets"]):
            if ":lambda:" in target["Arn"]:
                yield rule["Name"], target["Arn"]
