# SPDX-License-Identifier: Apache-2.0
"""What becomes of an event whose target does not start."""

from __future__ import annotations

import json
from typing import Any

import pytest

ACCOUNT, REGION = "111111111111", "us-east-1"

pytestmark = pytest.mark.xdist_group("local-aws-dead-letters")


@pytest.mark.parametrize(
    "target",
    [
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/nothing",
        f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:nothing",
    ],
)
def test_the_event_is_put_in_the_target_s_queue(client: Any, until: Any, target: str) -> None:
    name = target.split(":")[2]
    sqs, events = client("sqs"), client("events")
    queue = sqs.create_queue(QueueName=f"{name}-failed")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    events.put_targets(
        Rule=name,
        Targets=[
            {
                "Id": "it",
                "Arn": target,
                "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/start",
                "DeadLetterConfig": {"Arn": arn["QueueArn"]},
            }
        ],
    )
    events.put_events(Entries=[{"Source": name, "DetailType": "x", "Detail": '{"a": 1}'}])
    [message] = until(
        lambda: sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages")
    )
    assert json.loads(message["Body"])["detail"] == {"a": 1}
    told = {key: one["StringValue"] for key, one in message["MessageAttributes"].items()}
    assert (told["RULE_ARN"], told["TARGET_ARN"]) == (rule, target)
