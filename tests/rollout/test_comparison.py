# SPDX-License-Identifier: Apache-2.0
"""The comparison with the own past keeps its false alarm rate, and finds bad models soon."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout import comparison
from rollout.comparison import _Camera, _log_share, unlike
from rollout.own_past import Past
from tests.rollout.bake_simulation import BEFORE, CITIES, City, Simulation, one_answer, unsure


def alarms(seeds, city, *, looks=30, **model):
    """What simulated bakes were ended by, one of each seed; None: not ended."""
    return [Simulation(seed, city, **model).alarm(looks=looks) for seed in range(seeds)]


@pytest.mark.parametrize("name", CITIES)
def test_a_good_model_is_rarely_taken_back_wherever_the_canaries_stand(name):
    """With one look, at the end of an hour: the earlier rule took up to 70 of 200 back."""
    ended = [Simulation(seed, CITIES[name]).alarm(looks=1, hours=1) for seed in range(12)]
    assert sum(one is not None for one in ended) <= 1


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"confusion": one_answer("metal")}, "report 'metal' far more often than before"),
        ({"confusion": unsure(0.5)}, "report 'unsure' far more often than before"),
        ({"rate": 0.0}, "report items far less often than before: 0 times"),
    ],
)
def test_a_bad_model_is_found_within_an_hour(model, said):
    """Two looks at five canaries with 20 items an hour each."""
    ended = [Simulation(seed, City(), **model).alarm(looks=2, hours=1) for seed in range(8)]
    assert sum(one is not None and said in one[1] for one in ended) >= 6


def test_a_fleet_that_sees_nothing_either_is_the_night():
    city = City(hour=0.0)
    assert alarms(5, city, looks=2, rate=0.0) == [None] * 5


@given(st.integers(0, 12), st.floats(0.01, 0.99), st.floats(0.5, 200), st.floats(-3, 3))
def test_the_likelihood_of_all_that_may_come_next_is_that_of_what_came(total, usual, worth, change):
    """Else a ratio of likelihoods would be no martingale."""
    for came in range(total + 1):
        now, one, other = (
            math.exp(_log_share(_Camera(usual, worth, *counts), change, 10.0))
            for counts in ((came, total), (came + 1, total + 1), (came, total + 1))
        )
        assert one + other == pytest.approx(now, rel=1e-6)


def test_without_a_past_of_both_groups_nothing_is_said():
    now = {"a": replace(BEFORE, seconds=200_000, items=100_000), "b": BEFORE}
    assert unlike(Past(canary={"a": BEFORE}), now, classes=20, false_alarms=0.01) == ""
    little = replace(BEFORE, items=3, classes={"paper": 3})
    past = Past(canary={"a": little}, fleet={"b": BEFORE})
    assert unlike(past, now, classes=20, false_alarms=0.01) == ""


def test_what_a_bad_model_answered_before_it_was_rolled_back_is_no_past():
    """Seen in a fleet: the next good model answered "trash" less often than that one had."""
    mix = {"paper": 60, "trash": 20, "glass": 20}
    clean = replace(BEFORE, items=100, classes=mix)
    spoilt = replace(BEFORE, items=400, classes={**mix, "trash": 320})
    canaries = [f"canary-{number}" for number in range(9)]
    fleet = [f"fleet-{number}" for number in range(50)]
    past = Past(canary=dict.fromkeys(canaries, spoilt), fleet=dict.fromkeys(fleet, clean))

    def later(one):
        more = {name: count + 2 * mix[name] for name, count in one.classes.items()}
        return replace(one, seconds=110_000, items=one.items + 200, classes=more)

    now = {**dict.fromkeys(canaries, later(spoilt)), **dict.fromkeys(fleet, later(clean))}
    assert unlike(past, now, classes=20, false_alarms=0.01) == ""
    bad = replace(spoilt, seconds=110_000, items=600, classes={**spoilt.classes, "trash": 520})
    found = unlike(past, {**now, **dict.fromkeys(canaries, bad)}, classes=20, false_alarms=0.01)
    assert found.startswith("canaries report 'paper' far less often than before: 0 times")


def test_many_classes_make_an_alarm_no_likelier(monkeypatch):
    """The bound is shared among all that are compared, also where they are more than expected."""
    monkeypatch.setattr(comparison, "_ratio", lambda *given: 5000.0 if given[-1] > 0 else 0.0)

    def said(classes):
        mix = {"paper": 20, **{f"class-{number}": 10 for number in range(classes)}}
        before = replace(BEFORE, items=sum(mix.values()), classes=mix)
        now = replace(before, classes={name: 2 * count for name, count in mix.items()})
        other = replace(now, classes={**now.classes, "paper": 120})
        past = Past(canary={"a": before}, fleet={"b": before})
        return unlike(past, {"a": other, "b": now}, classes=20, false_alarms=0.01)

    assert said(5).startswith("canaries report 'paper' far more often")
    assert said(60) == ""


def test_a_camera_that_began_at_noon_is_not_compared_with_whole_days():
    """Its hours are others than the fleet's: as if it reported ten times as much."""
    young = replace(BEFORE, seconds=10_000, items=600)
    past = Past(canary={"a": young}, fleet={"b": BEFORE})
    now = {"a": replace(young, seconds=20_000, items=640), "b": replace(BEFORE, seconds=110_000)}
    assert unlike(past, now, classes=20, false_alarms=0.01) == ""
