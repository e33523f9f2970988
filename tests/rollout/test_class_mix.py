# SPDX-License-Identifier: Apache-2.0
"""The sequential test keeps its false alarm rate, and finds bad models soon."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.class_mix import _ratio, counted, far

CLASSES = ("cardboard", "glass", "metal", "paper", "plastic", "trash", "unsure")
RATE = 0.01


def alarm(seed, fleet, canary, *, looks=200, cameras=5):
    """At which look a simulated bake is ended, and for which class; None: never."""
    generator = random.Random(seed)  # noqa: S311 - a simulation
    counts = {}
    for at in range(looks):
        pairs = zip(
            generator.choices(CLASSES, canary, k=cameras),
            generator.choices(CLASSES, fleet, k=cameras),
            strict=True,
        )
        counts = counted(counts, pairs)
        if found := far(counts, classes=len(CLASSES), false_alarms=RATE):
            return at + 1, found
    return None


@pytest.mark.parametrize(
    "share", [(1, 1, 1, 1, 1, 1, 1), (5, 9, 2, 30, 40, 10, 4), (1, 1, 1, 1, 95, 1, 1)]
)
def test_models_that_see_alike_are_rarely_called_different(share):
    """Over 200 looks at five canaries. 0.01 of 500 bakes are 5; more than 13 have p < 0.001."""
    assert sum(alarm(seed, share, share) is not None for seed in range(500)) <= 13


def test_a_model_of_one_answer_is_found_within_ten_looks():
    fleet = (5, 9, 2, 30, 40, 10, 4)
    for seed in range(100):
        at, found = alarm(seed, fleet, (0, 0, 1, 0, 0, 0, 0))
        assert found == "metal"
        assert at <= 10


def test_a_model_that_is_mostly_unsure_is_found_within_thirty_looks():
    fleet = (5, 9, 2, 30, 40, 10, 4)
    for seed in range(100):
        at, found = alarm(seed, fleet, (2, 4, 1, 13, 20, 5, 55))
        assert found == "unsure"
        assert at <= 30


@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), max_size=60))
def test_the_average_ratio_is_a_martingale(pairs):
    """Whatever was seen: a pair and its mirror, which are equally likely, keep the mean of each
    class's ratio."""
    for more, less in counted({}, pairs).values():
        mean = (_ratio(more + 1, less) + _ratio(more, less + 1)) / 2
        assert mean == pytest.approx(_ratio(more, less))
