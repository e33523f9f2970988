# SPDX-License-Identifier: Apache-2.0
"""Items without an empty view between them, items from before the start, and changing light."""

import threading
import time

import numpy as np
import pytest

from camera.program import Program
from camera.vision.frame_buffer import Frame
from camera.vision.jpeg import encode
from tests.camera import tiny
from tests.camera.test_program import install

TABLE = (150, 140, 120)


def scene(*items, light=1.0, seed=0, width=320, height=240):
    """A noisy table with items, each (colour, left, top, size)."""
    picture = np.full((height, width, 3), TABLE, dtype=float)
    for colour, left, top, size in items:
        picture[top : top + size, left : left + size] = colour
    noise = np.random.default_rng(seed).normal(0, 2, picture.shape)
    return encode(np.clip(picture * light + noise, 0, 255).astype(np.uint8))


GLASS = (tiny.COLOURS["glass"], 100, 60, 120)
PAPER = (tiny.COLOURS["paper"], 100, 60, 120)
EMPTY = scene()


@pytest.fixture
def show(settings, publisher, models):
    """Show frames to a camera, one after another; gives the classes that it reports."""
    install(settings, *models["good"])
    program = Program(settings, publisher=publisher)
    program._load_current()
    classes = []
    report = program.loop._report_to

    def also(decision, model, view):
        classes.append(model.card.labels[decision.label])
        report(decision, model, view)

    program.loop._report_to = also

    def process(*jpegs):
        for jpeg in jpegs:
            program.loop.process(Frame(jpeg=jpeg, captured_at=time.monotonic()))
        return classes

    program.stop = threading.Event()
    return process


def frames(*items, count=8, **changed):
    return [scene(*items, seed=seed, **changed) for seed in range(count)]


def test_an_item_put_in_the_place_of_another_is_another(show):
    assert show(*frames(), *frames(GLASS), *frames(PAPER), *frames(GLASS), *frames()) == [
        "glass",
        "paper",
        "glass",
    ]


def test_an_item_that_is_pushed_or_turned_is_still_the_same(show):
    moved = (tiny.COLOURS["glass"], 20, 100, 120)
    grown = (tiny.COLOURS["glass"], 20, 40, 180)
    assert show(*frames(), *frames(GLASS), *frames(moved), *frames(grown), *frames()) == ["glass"]


def test_a_hand_that_covers_an_item_for_a_moment_makes_no_second_item(show):
    hand = [((200, 150, 130), left, 0, 200) for left in range(0, 120, 15)]
    covered = [scene(GLASS, each, seed=index) for index, each in enumerate(hand)]
    assert show(*frames(), *frames(GLASS), *covered, *frames(GLASS), *frames()) == ["glass"]


def test_an_item_that_was_there_at_the_start_is_reported_when_it_leaves(show):
    assert show(*frames(GLASS, count=20)) == []
    assert show(*frames()) == ["glass"]
    assert show(*frames(PAPER), *frames()) == ["glass", "paper"]


def test_a_second_item_beside_one_from_the_start_is_reported(show):
    beside = (tiny.COLOURS["paper"], 230, 100, 80)
    seen = show(*frames(GLASS), *frames(GLASS, beside), *frames(GLASS))
    assert len(seen) == 1


@pytest.mark.parametrize("light", [0.6, 0.8, 1.25, 1.5])
def test_light_that_changes_at_once_is_no_item_and_hides_none(show, light):
    assert show(*frames(), *frames(light=light, count=30)) == []
    assert show(*frames(GLASS, light=light), *frames(light=light)) == ["glass"]
    assert show(*frames()) == ["glass"]


def test_light_that_changes_while_an_item_is_in_view_makes_no_second_one(show):
    assert show(
        *frames(), *frames(GLASS), *frames(GLASS, light=0.75), *frames(light=0.75), *frames()
    ) == ["glass"]
