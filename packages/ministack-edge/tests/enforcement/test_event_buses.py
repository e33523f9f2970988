# SPDX-License-Identifier: Apache-2.0
"""Rules that send to another account's event bus: the role's rights and the bus's policy decide."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.enforcing import ACCOUNT, REGION, Person, allow
from ministack_edge.clients import ROOT_SECRET

OTHER = "999988887777"
BUS = f"arn:aws:events:{REGION}:{OTHER}:event-bus/orders"
TRUST = {"Principal": {"Service": "events.amazonaws.com"}}
PATTERN = json.dumps({"source": ["shop"]})


@pytest.fixture(scope="module")
def other(aws: Any) -> Person:
    """The root user of another account."""
    return Person(aws, OTHER, ROOT_SECRET)


@pytest.fixture(scope="module")
def arrived(other: Person) -> Callable[[], list[dict[str, Any]]]:
    """A bus in the other account; what comes out of its queue behind a rule."""
    events, sqs = other.client("events"), other.client("sqs")
    admit(other, f"arn:aws:iam::{ACCOUNT}:role/yet-to-come", verb="create")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{OTHER}:orders"
    admitted = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(admitted)})
    events.put_rule(Name="all", EventBusName="orders", EventPattern=PATTERN)
    events.put_targets(Rule="all", EventBusName="orders", Targets=[{"Id": "1", "Arn": queue}])

    def read() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in found]

    return read


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def admit(other: Person, role: str, *, verb: str = "update") -> None:
    """Let a role of the first account, and nobody else, put events of the shop on the bus."""
    admitted = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "events:PutEvents",
        "Resource": BUS,
        "Condition": {
            "ArnEquals": {"aws:PrincipalArn": role},
            "StringEquals": {"events:source": "shop", "events:detail-type": "order"},
        },
    }
    policy = {"Version": "2012-10-17", "Statement": [admitted]}
    properties = {"Name": "orders", "Policy": policy}
    bus = {"Type": "AWS::Events::EventBus", "Properties": properties}
    cloudformation = other.client("cloudformation")
    ask = getattr(cloudformation, f"{verb}_stack")
    ask(StackName="orders", TemplateBody=json.dumps({"Resources": {"Bus": bus}}))
    cloudformation.get_waiter(f"stack_{verb}_complete").wait(
        StackName="orders", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


@pytest.mark.parametrize(
    ("may", "admitted", "comes"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_both_sides_must_allow_it(
    root: Person,
    other: Person,
    new_role: Any,
    arrived: Any,
    *,
    may: bool,
    admitted: bool,
    comes: bool,
) -> None:
    role = new_role(*([allow("events:PutEvents", on=BUS)] if may else []), trust=TRUST)
    admit(other, role if admitted else new_role())
    events = root.client("events")
    events.put_rule(Name="forward", EventPattern=PATTERN)
    events.put_targets(Rule="forward", Targets=[{"Id": "1", "Arn": BUS, "RoleArn": role}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": '{"n": 1}'}])
    deadline = time.monotonic() + (30 if comes else 2)
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        found = arrived()
    # It keeps the account where it began.
    assert [(one["account"], one["detail"]) for one in found] == [(ACCOUNT, {"n": 1})] * comes


def test_a_session_is_known_by_its_role(root: Person, new_role: Any, person: Any) -> None:
    """`aws:PrincipalArn` of a session is the role, so a trust may name one that is yet to come."""
    caller = person(allow("sts:AssumeRole"))
    trusted = {"Principal": {"AWS": ACCOUNT}}
    own, others = (
        new_role(trust={**trusted, "Condition": {"ArnEquals": {"aws:PrincipalArn": arn}}})
        for arn in (caller.arn, caller.arn + "x")
    )
    caller.client("sts").assume_role(RoleArn=own, RoleSessionName="test")
    with pytest.raises(ClientError, match="not authorized"):
        caller.client("sts").assume_role(RoleArn=others, RoleSessionName="test")
