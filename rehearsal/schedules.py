# SPDX-License-Identifier: Apache-2.0
"""What the clock would start: a rehearsal is over before a schedule of minutes or a day comes."""

import json

from rehearsal.aws_client import Cloud
from rehearsal.errors import RehearsalError


def run_schedules(cloud: Cloud) -> list[str]:
    """Run each Lambda function that a schedule of the environment starts, once; their names.

    ``cloud`` acts as root, in place of EventBridge; the functions act as their own roles. Raises
    RehearsalError with the function's answer where one fails.
    """
    events, functions = cloud.client("events"), cloud.client("lambda")
    ran = []
    for rule in events.list_rules(NamePrefix=f"{cloud.prefix}-")["Rules"]:
        if not rule.get("ScheduleExpression"):
            continue
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            if ":lambda:" not in target["Arn"]:
                continue
            answer = functions.invoke(
                FunctionName=target["Arn"], Payload=json.dumps({"source": "aws.events"})
            )
            said = answer["Payload"].read().decode()
            name = target["Arn"].rsplit(":", 1)[1]
            if answer.get("FunctionError"):
                raise RehearsalError(f"{name}, started by {rule['Name']}: {said}")
            ran.append(name)
    return ran
