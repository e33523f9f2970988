# SPDX-License-Identifier: Apache-2.0
"""Short forms of the long runs; BINSIGHT_LONG=1 runs them as long as `benchmarks.camera` does."""

import os

import pytest

from benchmarks import camera_day
from benchmarks.camera_endurance import fuzz, soak
from benchmarks.camera_items import play

LONG = os.environ.get("BINSIGHT_LONG") == "1"


def test_after_damaged_frames_of_every_kind_the_next_good_item_is_seen():
    found = fuzz(20_000 if LONG else 600)
    assert found["items_seen"] == found["items_shown"] > 0
    assert found["bad"] > 0.9 * found["frames"]
    assert found["grown_mb"] < 50


def test_very_many_frames_take_no_memory_and_no_descriptors():
    found = soak(2_000_000 if LONG else 1500)
    assert found["items_seen"] == found["items_shown"]
    assert found["grown_mb"] < 10
    assert found["descriptors_more"] <= 0


@pytest.mark.parametrize("seed", [1, 2] if LONG else [1])
def test_a_scripted_stream_is_read_item_by_item(models, seed):
    score = play(models["good"][0], items=300 if LONG else 8, photos=None, perfect=True, seed=seed)
    assert score.precision >= 0.98
    assert score.recall >= 0.98
    assert score.classes_right == score.right


def test_a_day_s_stream_is_told_item_by_item_in_few_messages(models):
    frames, shown, script = camera_day.stream(items=1)
    found = camera_day.live(models["good"][0], frames, shown, script)
    assert found.reported == found.items == 1
    assert found.frames / found.messages > 50
