# SPDX-License-Identifier: Apache-2.0
"""What `make rollout` says of each camera, from a real table."""

import time
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from ministack_edge.process import LocalAws, free_port
from tests.rollout.conftest import ACCOUNT, REGION
from tools.rollout_cameras import cameras

NEW = "deployment-2"


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with LocalAws(port=free_port(), work=tmp_path_factory.mktemp("aws"), enforce=False) as aws:
        place = {"region_name": REGION, "endpoint_url": aws.endpoint}
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test"}
        yield SimpleNamespace(
            client=lambda name: boto3.client(name, **place, **keys),
            resource=lambda name: boto3.resource(name, **place, **keys),
        )


@pytest.fixture(scope="module")
def table(session):
    made = session.resource("dynamodb").create_table(
        TableName="latest",
        KeySchema=[
            {"AttributeName": "thing", "KeyType": "HASH"},
            {"AttributeName": "kind", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("thing", "kind")
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    now = int(time.time() * 1000)
    old = {"received_ms": now - 3_600_000}
    rows: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "done": [(f"deployment:{NEW}", {"status": "SUCCEEDED"}), ("telemetry", old)],
        "refused": [(f"deployment:{NEW}", {"status": "FAILED", "reason": "golden outputs differ"})],
        # It began and lost its power: that is no failure.
        "interrupted": [(f"deployment:{NEW}", {"status": "TIMED_OUT"}), ("telemetry", old)],
        "unplugged": [("presence", {"event": "disconnected"})],
        "silent": [("telemetry", old)],
        "busy": [("telemetry", {"received_ms": now}), ("presence", {"event": "connected"})],
        # What it said of the deployment before is not about this one.
        "late": [("deployment:deployment-1", {"status": "FAILED"})],
        "stranger": [(f"deployment:{NEW}", {"status": "FAILED"})],
    }
    for thing, said in rows.items():
        for kind, values in said:
            made.put_item(Item={"thing": thing, "kind": kind, "received_ms": now, **values})
    iot = session.client("iot")
    iot.create_thing_group(thingGroupName="canaries")
    for thing in rows.keys() - {"stranger"}:
        iot.create_thing(thingName=thing)
        iot.add_thing_to_thing_group(thingGroupName="canaries", thingName=thing)
    return made.name


def test_sleeping_cameras_are_neither_failed_nor_waiting(session, table):
    groups = {"canary": ("canaries", NEW)}
    found = cameras(session, table=table, groups=groups, interval=60)["canary"]
    assert (found.total, found.succeeded, found.asleep, found.waiting) == (7, 1, 3, 2)
    assert found.failed == {"refused": "golden outputs differ"}
    assert found.words().splitlines() == [
        "7 cameras: 1 have it, 1 failed, 3 asleep, 2 waiting",
        "      refused: golden outputs differ",
    ]
