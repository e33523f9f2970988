# SPDX-License-Identifier: Apache-2.0
"""What is cut out of a frame: inside it, around the item, and never distorted more than allowed."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.cut import BLOCK, MOST_DECODED, Box, CutRule, cut, decode_divisor, whole
from contracts.preprocessing import decode_divisor as divisor_of_all
from contracts.preprocessing import resize


@st.composite
def scenes(draw):
    """A frame's size, a box in it, an input's size, a rule."""
    columns, rows = draw(st.integers(24, 4000)), draw(st.integers(18, 3000))
    left, top = draw(st.integers(0, columns - 1)), draw(st.integers(0, rows - 1))
    box = Box(left, top, draw(st.integers(left + 1, columns)), draw(st.integers(top + 1, rows)))
    rule = CutRule(
        margin=draw(st.floats(0, 0.5)),
        least=draw(st.floats(0, 1)),
        stretch=draw(st.floats(1, 3)),
    )
    width, height = draw(st.sampled_from([(224, 224), (96, 96), (320, 240), (128, 256)]))
    return columns, rows, box, width, height, rule


@given(scenes())
def test_a_region_lies_inside_and_is_distorted_no_more_than_allowed(scene):
    columns, rows, box, width, height, rule = scene
    region = rule.region(box, columns=columns, rows=rows, width=width, height=height)
    assert 0 <= region.left < region.right <= columns
    assert 0 <= region.top < region.bottom <= rows
    for start, end, size in (
        (region.left, region.right, columns),
        (region.top, region.bottom, rows),
    ):
        assert start % BLOCK == 0
        assert end % BLOCK == 0 or end == size
    # Whole blocks: the frame's last one counts as a whole one.
    wide, tall = -(-region.width // BLOCK), -(-region.height // BLOCK)
    stretched = wide / tall / (width / height)
    slack = 1 + 1 / min(wide, tall)
    assert 1 / (rule.stretch * slack) <= stretched <= rule.stretch * slack


@given(scenes())
def test_a_region_holds_the_item_unless_its_shape_forbids(scene):
    columns, rows, box, width, height, rule = scene
    region = rule.region(box, columns=columns, rows=rows, width=width, height=height)
    inside_across = region.left <= box.left and box.right <= region.right
    inside_down = region.top <= box.top and box.bottom <= region.bottom
    # At most one direction is cut, and then the other one fills the frame.
    assert inside_across or (inside_down and region.height == rows)
    assert inside_down or (inside_across and region.width == columns)


def test_a_small_item_gets_its_surroundings_too():
    rule = CutRule(margin=0, least=0.25, stretch=4 / 3)
    region = rule.region(Box(640, 360, 648, 368), columns=1280, rows=720, width=224, height=224)
    assert (region.width, region.height) == (320, 240)
    assert region.left <= 640
    assert region.right >= 648


def test_a_long_item_gets_a_region_that_is_squashed_as_training_squashes():
    rule = CutRule(margin=0, least=0, stretch=4 / 3)
    region = rule.region(Box(400, 320, 800, 360), columns=1280, rows=720, width=224, height=224)
    assert (region.width, region.height) == (400, 304)
    region = rule.region(Box(0, 0, 40, 720), columns=1280, rows=720, width=224, height=224)
    assert region == Box(0, 0, 544, 720)


def test_an_item_as_wide_as_a_wide_frame_is_cut_at_its_ends():
    rule = CutRule(stretch=4 / 3)
    region = rule.region(Box(0, 100, 1920, 1000), columns=1920, rows=1080, width=224, height=224)
    assert (region.width, region.height) == (1440, 1080)


def test_at_the_edge_the_margin_ends_with_the_frame():
    rule = CutRule(margin=0.1, least=0, stretch=4 / 3)
    region = rule.region(Box(0, 0, 400, 400), columns=1280, rows=720, width=224, height=224)
    assert region == Box(0, 0, 440, 440)


def test_without_a_box_it_is_the_whole_frame():
    assert CutRule().region(None, columns=641, rows=479, width=224, height=224) == whole(641, 479)


@given(scenes())
def test_a_region_is_decoded_no_finer_than_it_is_worth_and_no_coarser_than_the_frame(scene):
    columns, rows, box, width, height, rule = scene
    size = {"columns": columns, "rows": rows, "width": width, "height": height}
    region = rule.region(box, **size)
    divisor, coarsest = decode_divisor(region, **size), divisor_of_all(**size)
    assert divisor <= coarsest
    assert decode_divisor(whole(columns, rows), **size) == coarsest
    if divisor < coarsest:
        assert -(-columns // divisor) * -(-rows // divisor) <= MOST_DECODED
    if divisor > 1 and divisor < coarsest:
        enough = region.width // divisor >= width and region.height // divisor >= height
        finer = divisor // 2
        affordable = -(-columns // finer) * -(-rows // finer) <= MOST_DECODED
        assert enough or not affordable


def test_a_small_item_is_decoded_finer_than_its_frame_where_that_costs_no_more():
    small = {"columns": 640, "rows": 480, "width": 224, "height": 224}
    assert decode_divisor(Box(208, 160, 432, 320), **small) == 1
    assert decode_divisor(whole(640, 480), **small) == 2
    large = {"columns": 1920, "rows": 1080, "width": 224, "height": 224}
    region = Box(640, 360, 1280, 840)
    divisor = decode_divisor(region, **large)
    assert divisor == decode_divisor(whole(1920, 1080), **large) == 4
    # Twice as many pixels across the item as the whole frame leaves it.
    assert region.width // divisor > 2 * region.width * 224 // 1920


@pytest.mark.parametrize("divisor", [1, 2, 4, 8])
def test_a_cut_has_the_pixels_of_its_region_at_every_scale(divisor):
    blocks = np.arange(90 * 160, dtype=np.uint32).reshape(90, 160, 1) * [1, 3, 7] % 256
    frame = blocks.astype(np.uint8).repeat(8 // divisor, 0).repeat(8 // divisor, 1)
    region = Box(64, 80, 512, 416)
    expected = resize(
        blocks.astype(np.uint8)[10:52, 8:64].repeat(8 // divisor, 0).repeat(8 // divisor, 1),
        width=224,
        height=224,
    )
    assert np.array_equal(cut(frame, region, width=224, height=224, divisor=divisor), expected)


def test_a_rule_survives_the_model_card():
    rule = CutRule(margin=0.1, least=1 / 7, stretch=4 / 3)
    assert CutRule.from_json(json.loads(json.dumps(rule.to_json()))) == rule


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"schema": 2}, r"key 'cut.schema': 2; this version reads 1"),
        ({"margin": -0.1}, r"key 'cut.margin': -0.1; allowed: 0 to 1"),
        ({"least": True}, r"key 'cut.least': True; allowed: 0 to 1"),
        ({"stretch": float("nan")}, r"key 'cut.stretch': nan; allowed: 1 to 4"),
        ({"stretch": "4/3"}, r"key 'cut.stretch': '4/3'; allowed: 1 to 4"),
    ],
)
def test_what_is_wrong_in_a_card_is_named(changed, message):
    with pytest.raises(ValueError, match=message):
        CutRule.from_json({**CutRule().to_json(), **changed})
