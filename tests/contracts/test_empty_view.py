# SPDX-License-Identifier: Apache-2.0
"""Where a frame differs from the empty view."""

import numpy as np
import pytest

from contracts.cut import Box
from contracts.empty_view import (
    SMALL_ITEM,
    appears,
    box_of,
    common_view,
    grid,
    groups,
    item_box,
    largest_group,
)

COLUMNS, ROWS = 640, 360


def table(light=1.0, seed=0):
    """A view with a gradient and a sensor's noise."""
    down, right = np.mgrid[0:ROWS, 0:COLUMNS]
    grey = 110 + 20 * np.sin(right / 90) + 15 * np.cos(down / 70)
    noise = np.random.default_rng(seed).normal(0, 3, (ROWS, COLUMNS, 3))
    return np.clip(light * grey[:, :, None] * [1.05, 1, 0.9] + noise, 0, 255).astype(np.uint8)


def put(frame, box, colour=(220, 40, 40)):
    frame = frame.copy()
    frame[box.top : box.bottom, box.left : box.right] = colour
    return frame


def around(frame, empty=None):
    empty = table() if empty is None else empty
    return item_box(grid(empty), grid(frame), columns=COLUMNS, rows=ROWS)


def test_nothing_is_nowhere():
    assert around(table(seed=1)) is None
    assert around(table(seed=1, light=1.3)) is None


@pytest.mark.parametrize(
    "box", [Box(200, 100, 400, 220), Box(0, 0, 160, 120), Box(500, 300, 640, 360)]
)
def test_the_box_is_around_the_item_to_a_cell(box):
    found = around(put(table(seed=1), box))
    for value, expected, cell in zip(found, box, (28, 24, 28, 24), strict=True):
        assert abs(value - expected) <= cell


def test_the_lamp_may_have_changed():
    box = Box(200, 100, 400, 220)
    assert around(put(table(seed=1, light=1.25), box)) == around(put(table(seed=1), box))


def test_of_two_things_apart_the_larger_one_counts():
    large, small = Box(80, 80, 240, 240), Box(480, 80, 580, 180)
    both = put(put(table(seed=1), large), small)
    assert around(both) == around(put(table(seed=1), large))


def test_a_small_item_is_found():
    """A can on an eighth of the width: two cells in a hundred."""
    found = around(put(table(seed=1), Box(300, 150, 380, 210)))
    assert found is not None
    assert found.left <= 300
    assert found.right >= 380


def test_a_small_item_is_one_piece_and_no_rim():
    cells = np.zeros((18, 24), np.bool_)
    cells[5:7, 5:9] = True
    assert cells.sum() == SMALL_ITEM
    assert appears(cells)
    cells[5, 5] = False
    assert not appears(cells)
    scattered = np.zeros((18, 24), np.bool_)
    scattered[1:17:5, 2:24:8] = True
    assert scattered.sum() > SMALL_ITEM
    assert not appears(scattered)
    rim = np.zeros((18, 24), np.bool_)
    rim[5, 3:15] = True
    assert not appears(rim)


def test_pieces_that_lie_near_are_one():
    cells = np.zeros((18, 24), np.bool_)
    cells[4:6, 4:7] = cells[8:12, 4:7] = True
    cells[4:6, 15:18] = True
    first, second = groups(cells)
    assert first.sum() == 18
    assert second.sum() == 6
    assert box_of(first, columns=COLUMNS, rows=ROWS) == Box(104, 80, 184, 240)
    assert not largest_group(np.zeros((18, 24), np.bool_)).any()
    assert box_of(np.zeros((18, 24), np.bool_), columns=COLUMNS, rows=ROWS) is None


def test_a_grid_is_the_same_at_every_scale():
    blocks = np.random.default_rng(0).integers(0, 256, (45, 80, 3), dtype=np.uint8)
    whole = grid(blocks.repeat(8, 0).repeat(8, 1))
    for divisor in (2, 4, 8):
        scaled = blocks.repeat(8 // divisor, 0).repeat(8 // divisor, 1)
        assert np.abs(grid(scaled, divisor=divisor) - whole).max() < 0.01


def test_photos_of_one_fixed_camera_have_their_view_in_common():
    random = np.random.default_rng(3)
    photos = []
    for seed in range(12):
        left, top = int(random.integers(0, 440)), int(random.integers(0, 240))
        box = Box(left, top, left + 200, top + 120)
        photos.append(put(table(seed=seed), box, random.integers(0, 255, 3)))
    view = common_view([grid(photo) for photo in photos])
    assert np.abs(view - grid(table(seed=99))).max() < 5


def test_photos_of_different_places_have_none():
    random = np.random.default_rng(3)
    places = [random.integers(0, 255, (18, 24, 3)).astype(np.float32) for _ in range(12)]
    assert common_view(places) is None
    assert common_view(places[:1]) is None
