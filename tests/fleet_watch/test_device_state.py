# SPDX-License-Identifier: Apache-2.0
"""The latest-state table against the local AWS: what is newer stays, what is foreign stays out."""

import random
from decimal import Decimal

import pytest

import device_state_handler as device_state
from fleet_watch.rows import rows
from tests.fleet_watch.local import CAMERA, deployment_event, presence, telemetry

NEW = "binsight-dev-new"
"""A camera that has sent nothing yet."""


@pytest.fixture
def write(table):
    def write_event(event):
        return [device_state.write(table, row, lambda thing: thing == NEW) for row in rows(event)]

    return write_event


def test_rows_that_arrive_in_any_order_leave_the_newest(table, write):
    """Also where two messages have the same millisecond: then the later call."""
    events = [telemetry(CAMERA, 1000 + number, fps=number / 4) for number in range(20)]
    random.Random(7).shuffle(events)  # noqa: S311 - an order, no secret
    written = [write(event) for event in events]
    assert [False] in written
    row = table.get_item(Key={"thing": CAMERA, "kind": "telemetry"})["Item"]
    assert (row["received_ms"], row["fps"]) == (1019, Decimal("4.75"))


def test_a_detection_that_was_delayed_does_not_hide_a_later_item(table, write):
    """By the item's number: a backlog is received after the items that it precedes."""
    for sequence, received in ((5, 1000), (4, 2000), (3, 3000)):
        write({"thing": CAMERA, "kind": "detection", "sequence": sequence, "received_ms": received})
    row = table.get_item(Key={"thing": CAMERA, "kind": "detection"})["Item"]
    assert row["sequence"] == 5


def test_a_problem_that_is_over_is_gone(table, write):
    write(telemetry(CAMERA, 1, problem="disk full"))
    write(telemetry(CAMERA, 2))
    assert "problem" not in table.get_item(Key={"thing": CAMERA, "kind": "telemetry"})["Item"]


def test_a_picture_is_not_kept(table, write):
    write(telemetry(CAMERA, 1, answer={"picture": "x" * 100_000}))
    assert "answer" not in table.get_item(Key={"thing": CAMERA, "kind": "telemetry"})["Item"]


def test_things_of_other_systems_get_no_row(table, write):
    assert write(presence("somebodys-pump", 5, "connected")) == [False]
    assert write(deployment_event("somebodys-pump", "d-1", "FAILED")) == [False]
    write(telemetry(CAMERA, 1))
    assert write(presence(CAMERA, 5, "disconnected")) == [True]
    assert write(presence(CAMERA, 4, "connected")) == [False]


def test_the_first_deployment_of_a_camera_comes_before_its_first_message(table, write):
    assert write(deployment_event(NEW, "d-1", "SUCCEEDED")) == [True]
    assert write(deployment_event("binsight-dev-other", "d-1", "SUCCEEDED")) == [False]


def test_a_camera_is_a_thing_of_the_environments_group(aws, monkeypatch):
    iot = aws.client("iot")
    iot.create_thing_group(thingGroupName="binsight-dev-runtime")
    for thing in (NEW, "binsight-dev-pump"):
        iot.create_thing(thingName=thing)
    iot.add_thing_to_thing_group(thingGroupName="binsight-dev-runtime", thingName=NEW)
    monkeypatch.setenv("THING_PREFIX", "binsight-dev-")
    monkeypatch.setenv("THING_GROUP", "binsight-dev-runtime")
    monkeypatch.setattr(device_state, "_iot", lambda: iot)
    things = (NEW, "binsight-dev-pump", "binsight-dev-gone", "somebodys-pump")
    assert [thing for thing in things if device_state._is_camera(thing)] == [NEW]


def test_telemetry_gets_the_site_of_the_registry(aws, table, monkeypatch):
    iot = aws.client("iot")
    iot.create_thing(thingName="binsight-dev-7", attributePayload={"attributes": {"site": "hall"}})
    monkeypatch.setenv("THING_PREFIX", "binsight-dev-")
    monkeypatch.setattr(device_state, "_iot", lambda: iot)
    monkeypatch.setattr(device_state, "_table", lambda: table)
    monkeypatch.setattr(device_state, "_sites", {})

    def site_after(thing, received_ms):
        assert device_state.handler(telemetry(thing, received_ms), None)["written"] == 1
        return table.get_item(Key={"thing": thing, "kind": "telemetry"})["Item"].get("site")

    assert site_after("binsight-dev-7", 1) == "hall"
    assert [site_after(thing, 1) for thing in ("binsight-dev-gone", "somebodys-pump")] == [None] * 2
    iot.update_thing(thingName="binsight-dev-7", attributePayload={"attributes": {"site": "roof"}})
    assert site_after("binsight-dev-7", 2) == "hall", "asked once an hour"
    device_state._sites.clear()
    assert site_after("binsight-dev-7", 3) == "roof"


def test_what_is_no_event_of_a_camera_is_refused():
    with pytest.raises(ValueError, match="kind 'other': allowed are"):
        list(rows({"kind": "other"}))
    event = deployment_event(CAMERA, "d-1", "FAILED") | {"detail-type": "Other"}
    with pytest.raises(ValueError, match="detail-type 'Other'"):
        list(rows(event))
