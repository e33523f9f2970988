# SPDX-License-Identifier: Apache-2.0
"""The comparison with the own past keeps its false alarm rate, and finds bad models soon."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.own_past import FAR, ROOM, Counted, Past, _ratio, slower, unlike
from tests.rollout.bake_simulation import City, Simulation, one_answer, unsure

BEFORE = Counted(
    seconds=100_000,
    items=600,
    fps=15.0,
    p99_ms=80.0,
    streaming=True,
    frames=1_500_000,
    bad_frames=15,
    classes={"paper": 500, "glass": 100},
)


def alarms(seeds, city, *, looks=30, **model):
    """What simulated bakes were ended by, one of each seed; None: not ended."""
    return [Simulation(seed, city, **model).alarm(looks=looks) for seed in range(seeds)]


@pytest.mark.parametrize("hour", [0.3, 1.0])
def test_models_that_see_alike_are_rarely_called_different(hour):
    """At night and at noon, where every place changes by a third of its own accord."""
    found = alarms(40, City(hour=hour), looks=10)
    assert sum(one is not None for one in found) <= 2


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"confusion": one_answer("metal")}, "report 'metal' far more often than before"),
        ({"confusion": unsure(0.5)}, "report 'unsure' far more often than before"),
        ({"rate": 0.0}, "report items far less often than before: 0 times"),
    ],
)
def test_a_bad_model_is_found_within_an_hour(model, said):
    """Thirty looks at five canaries with 20 items an hour each."""
    found = alarms(20, City(), looks=30, **model)
    assert sum(one is not None and said in one[1] for one in found) >= 17


def test_a_fleet_that_sees_nothing_either_is_the_night():
    city = City(hour=0.0)
    assert alarms(5, city, looks=5, rate=0.0) == [None] * 5


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.05, 20), st.floats(1 / ROOM, ROOM))
def test_the_ratio_is_at_most_a_martingale_within_the_room(canary, fleet, odds, place):
    """Whatever came: the next item does not raise the mean of either direction's ratio."""
    chance = odds * place / (1 + odds * place)
    for room, far in ((ROOM, FAR), (1 / ROOM, 1 / FAR)):
        ends = {"odds": odds * room, "far": odds * far}
        mean = chance * _ratio(canary + 1, fleet, **ends)
        mean += (1 - chance) * _ratio(canary, fleet + 1, **ends)
        assert mean <= _ratio(canary, fleet, **ends) * (1 + 1e-9)


def test_a_past_survives_the_wire():
    past = Past(canary={"a": BEFORE}, fleet={"b": replace(BEFORE, classes={})})
    assert Past.read(past.text()) == past
    assert Past.read("") == Past.read(None) == Past()


def test_without_a_past_of_both_groups_nothing_is_said():
    now = {"a": replace(BEFORE, seconds=200_000, items=100_000), "b": BEFORE}
    assert unlike(Past(canary={"a": BEFORE}), now, classes=20, false_alarms=0.01) == ""
    little = replace(BEFORE, items=3, classes={"paper": 3})
    past = Past(canary={"a": little}, fleet={"b": BEFORE})
    assert unlike(past, now, classes=20, false_alarms=0.01) == ""


def test_a_program_that_was_restarted_counts_from_there():
    now = replace(BEFORE, seconds=60, items=2, classes={"glass": 2}, frames=900, bad_frames=0)
    assert now.since(BEFORE) == now
    grown = replace(BEFORE, seconds=100_060, items=603, classes={"paper": 501, "glass": 102})
    assert grown.since(BEFORE).classes == {"paper": 1, "glass": 2}
    assert (grown.since(BEFORE).seconds, grown.since(BEFORE).items) == (60, 3)


def test_a_camera_that_began_at_noon_is_not_compared_with_whole_days():
    """Its hours are others than the fleet's: as if it reported ten times as much."""
    young = replace(BEFORE, seconds=10_000, items=600)
    past = Past(canary={"a": young}, fleet={"b": BEFORE})
    now = {"a": replace(young, seconds=20_000, items=640), "b": replace(BEFORE, seconds=110_000)}
    assert unlike(past, now, classes=20, false_alarms=0.01) == ""


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
