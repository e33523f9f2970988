# SPDX-License-Identifier: Apache-2.0
"""What a simulated fleet sees and what goes wrong with it follows from the seed, and is fair."""

from collections import Counter
from itertools import pairwise

import pytest

from contracts.bins import BinPolicy
from contracts.detection import Detection
from contracts.messages import ModelName
from contracts.telemetry import Telemetry
from rehearsal.fleet.generator import (
    CLASSES,
    FAULTS,
    ITEM,
    MOST_MESSAGES,
    OF_SITES,
    REVOKED,
    TELEMETRY,
    Pace,
    Speaker,
    events,
    faults,
    pace_for,
    site_of,
)

DAY = 24 * 60
SPEAKER = Speaker(
    thing="camera-1", bins=BinPolicy({"glass": "recycling"}), model=ModelName("0" * 64, "1.0.0")
)


def day(seed=1, camera=3, first=0.0, last=DAY):
    return list(events(seed, camera, first=first, last=last))


def test_the_same_seed_gives_the_same_day_and_another_does_not():
    assert day() == day()
    assert day() != day(seed=2)
    assert day() != day(camera=4)


@pytest.mark.parametrize("cuts", [(7.5, 60, 61), (600,), tuple(range(5, DAY, 5))])
def test_a_day_is_the_same_in_parts(cuts):
    """A camera goes on where it was when its power was cut."""
    edges = [0, *cuts, DAY]
    parts = [event for first, last in pairwise(edges) for event in day(first=first, last=last)]
    assert parts == day()


def test_days_have_items_of_every_class_and_regular_telemetry():
    found = [event for camera in range(20) for event in day(camera=camera)]
    kinds = Counter(event.kind for event in found)
    assert kinds[TELEMETRY] == 20 * DAY / 10
    assert 20 * 250 < kinds[ITEM] < 20 * 330
    assert {event.label for event in found if event.kind == ITEM} == set(CLASSES)


@pytest.mark.parametrize(("cameras", "hours"), [(200, 24), (100, 48), (2000, 4)])
def test_long_days_of_large_fleets_send_what_the_local_aws_takes(cameras, hours):
    pace = pace_for(cameras, hours)
    sent = cameras * hours * (pace.items_per_hour + 60 / pace.telemetry_minutes)
    assert 0.9 * MOST_MESSAGES < sent < 1.1 * MOST_MESSAGES
    assert 60 % pace.telemetry_minutes == 0
    slow = list(events(1, 3, first=0, last=DAY, pace=pace))
    kinds = Counter(event.kind for event in slow)
    assert kinds[TELEMETRY] == DAY / pace.telemetry_minutes


def test_small_fleets_keep_the_usual_pace():
    assert pace_for(20, 2) == pace_for(200, 2) == Pace()


def test_messages_are_those_of_the_contract():
    for event in day(last=300):
        if event.kind == ITEM:
            Detection.from_json(SPEAKER.detection(event, 7))
        else:
            Telemetry.from_json(SPEAKER.telemetry(event, detections=1, undelivered=0))


def test_a_wrong_clock_is_seen_in_the_message_only():
    event = next(event for event in day() if event.kind == ITEM)
    right, wrong = (SPEAKER.detection(event, 1, clock_s=clock) for clock in (0, -3600))
    assert right.pop("observed_at") != wrong.pop("observed_at")
    assert right == wrong


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_comes_and_each_camera_has_one(seed):
    cameras, per_site, ticks = 200, 25, 12
    found = faults(seed, cameras=cameras, per_site=per_site, ticks=ticks)
    assert {fault.kind for fault in found} == set(FAULTS)
    for fault in found:
        assert 0 < fault.begins < fault.ends <= (ticks if fault.kind == REVOKED else ticks - 1)
    hit = [fault.who for fault in found if fault.kind not in OF_SITES]
    sites = [fault.who for fault in found if fault.kind in OF_SITES]
    assert len(hit) == len(set(hit))
    assert len(sites) == len(set(sites))
    assert not {site_of(camera, per_site) for camera in hit} & set(sites)
