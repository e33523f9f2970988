# SPDX-License-Identifier: Apache-2.0
"""What was sent against what arrived: each way in which the two may differ is counted apart."""

import pytest

from rehearsal.fleet.arrivals import Arrivals, compare
from rehearsal.fleet.sites import Truth

CAMERA = "camera-1"


def told(*lines):
    truth = Truth()
    for line in lines:
        truth.hear(list(line))
    return truth


TRUTH = told(
    ("put", CAMERA, 1, "a"), ("put", CAMERA, 2, "b"), ("safe", CAMERA), ("put", CAMERA, 3, "c")
)


def compared(detections, latest=None):
    row = {CAMERA: max(detections)} if latest is None and detections else latest or {}
    arrivals = Arrivals(detections={CAMERA: detections}, latest=row, telemetry=0)
    return compare(TRUTH.by_thing, arrivals)


def test_all_arrived_once():
    result = compared({1: ["a"], 2: ["b"], 3: ["c"]})
    assert (result.sent, result.arrived) == (3, 3)
    assert (result.lost, result.cut, result.copies, result.strange) == ({}, {}, {}, [])


def test_what_was_on_the_disk_is_lost_and_what_was_not_is_cut_off():
    result = compared({1: ["a"]})
    assert (result.lost, result.cut) == ({CAMERA: 1}, {CAMERA: 1})


def test_what_was_in_memory_at_a_power_cut_is_not_safe_because_the_camera_came_back():
    truth = told(("enrolled", "1", CAMERA), ("put", CAMERA, 1, "a"), ("safe", CAMERA))
    truth.hear(["put", CAMERA, 2, "b"])
    truth.power_cut(["1"])
    for line in (("put", CAMERA, 101, "c"), ("put", CAMERA, 102, "d"), ("safe", CAMERA)):
        truth.hear(list(line))
    arrivals = Arrivals(detections={CAMERA: {102: ["d"]}}, latest={CAMERA: 102}, telemetry=0)
    result = compare(truth.by_thing, arrivals)
    assert (result.lost, result.cut) == ({CAMERA: 2}, {CAMERA: 1})


def test_an_item_that_came_again_is_a_copy():
    assert compared({1: ["a", "a"], 2: ["b"], 3: ["c"]}).copies == {CAMERA: 1}


@pytest.mark.parametrize(
    ("detections", "latest"),
    [
        ({1: ["a"], 2: ["other"], 3: ["c"]}, None),
        ({1: ["a"], 2: ["b", "other"], 3: ["c"]}, None),
        ({1: ["a"], 2: ["b"], 3: ["c"], 4: ["d"]}, None),
        ({1: ["a"], 2: ["b"], 3: ["c"]}, {CAMERA: 2}),
        ({1: ["a"], 2: ["b"], 3: ["c"]}, {"camera-2": 3}),
    ],
    ids=["other content", "two contents", "nobody's item", "stale row", "no row"],
)
def test_what_may_never_be_is_named(detections, latest):
    [line] = compared(detections, latest).strange
    assert line.startswith(CAMERA)


def test_a_refused_camera_is_expected_to_send_no_more():
    arrivals = Arrivals(detections={CAMERA: {1: ["a"]}}, latest={CAMERA: 1}, telemetry=0)
    result = compare(TRUTH.by_thing, arrivals, until={CAMERA: {1}})
    assert (result.sent, result.lost, result.cut, result.strange) == (1, {}, {}, [])
    [line] = compare(TRUTH.by_thing, arrivals, until={CAMERA: set()}).strange
    assert "although it was refused" in line


def test_messages_of_a_thing_that_sent_nothing_are_named():
    arrivals = Arrivals(detections={"stranger": {1: ["a"]}}, latest={}, telemetry=0)
    assert "stranger is nobody's" in compare(TRUTH.by_thing, arrivals).strange
