# SPDX-License-Identifier: Apache-2.0
"""What cameras counted before, and how much slower they are since."""

from dataclasses import replace

import pytest

from rollout.own_past import UNCHANGED, Past, common_pace, slower
from tests.rollout.bake_simulation import BEFORE


def test_a_past_survives_the_wire():
    past = Past(canary={"a": BEFORE}, fleet={"b": replace(BEFORE, classes={})})
    assert Past.read(past.text()) == past
    assert Past.read("") == Past.read(None) == Past()


def test_a_program_that_was_restarted_counts_from_there():
    now = replace(BEFORE, seconds=60, items=2, classes={"glass": 2}, frames=900, bad_frames=0)
    assert now.since(BEFORE) == now
    grown = replace(BEFORE, seconds=100_060, items=603, classes={"paper": 501, "glass": 102})
    assert grown.since(BEFORE).classes == {"paper": 1, "glass": 2}
    assert (grown.since(BEFORE).seconds, grown.since(BEFORE).items) == (60, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"fps": 7.6, "p99_ms": 159.0}, []),
        ({"fps": 7.0}, ["7 frames per second, 15 before the rollout"]),
        ({"p99_ms": 170.5}, ["latency 170.5 ms (99 %), 80 before the rollout"]),
        ({"fps": 0.0, "streaming": False}, []),
        ({"frames": 1_500_100, "bad_frames": 45}, ["30 of 100 frames are bad"]),
    ],
)
def test_a_canary_that_is_half_as_fast_as_it_was_is_unwell(change, said):
    now = replace(BEFORE, seconds=100_100, **change)
    assert list(slower(BEFORE, now, most_percent=100)) == said


def test_what_slows_the_whole_fleet_down_is_not_the_model():
    """At night a frame takes longer: half as many come, of canaries and of the fleet."""
    night = replace(BEFORE, seconds=100_100, fps=6.0, p99_ms=200.0)
    fleet = {f"fleet-{number}": BEFORE for number in range(5)}
    pace = common_pace(fleet, dict.fromkeys(fleet, night))
    assert list(slower(BEFORE, night, most_percent=100, pace=pace)) == []
    stuck = replace(night, fps=2.0)
    assert len(list(slower(BEFORE, stuck, most_percent=100, pace=pace))) == 1


def test_a_fleet_that_is_faster_or_too_small_excuses_nothing_and_blames_nobody():
    fast = replace(BEFORE, fps=30.0, p99_ms=40.0)
    fleet = {f"fleet-{number}": BEFORE for number in range(5)}
    assert common_pace(fleet, dict.fromkeys(fleet, fast)) == UNCHANGED
    slow = replace(BEFORE, fps=5.0)
    assert common_pace({"a": BEFORE}, {"a": slow}) == UNCHANGED
