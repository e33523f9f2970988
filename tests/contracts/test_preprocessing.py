# SPDX-License-Identifier: Apache-2.0
"""The shared resize against Pillow's, which training pictures were always squashed with."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from contracts.preprocessing import decode_divisor, resize

sizes = st.tuples(st.integers(1, 200), st.integers(1, 200))


@settings(max_examples=40, deadline=None)
@given(sizes, sizes, st.integers(0, 2**32 - 1))
def test_it_agrees_with_pillow_to_one_step(source, target, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (*source, 3), dtype=np.uint8)
    height, width = target
    expected = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
    result = resize(picture, width=width, height=height)
    assert result.shape == (height, width, 3)
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - np.asarray(expected)).max() <= 1


def test_a_picture_of_the_right_size_is_untouched():
    picture = np.full((4, 5, 3), 7, dtype=np.uint8)
    assert resize(picture, width=5, height=4) is picture


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4)])
def test_what_is_not_a_picture_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected uint8 \[H, W, 3\]"):
        resize(np.zeros(shape, dtype=np.uint8), width=2, height=2)


@given(sizes, sizes)
def test_a_jpeg_is_decoded_as_small_as_pillow_would_but_no_smaller_than_the_target(source, target):
    (columns, rows), (width, height) = source, target
    divisor = decode_divisor(columns=columns, rows=rows, width=width, height=height)
    assert divisor == 1 or (columns // divisor >= width and rows // divisor >= height)
    packed = io.BytesIO()
    Image.new("RGB", source).save(packed, "JPEG")
    with Image.open(packed) as image:
        image.draft("RGB", target)
        assert image.size == (-(-columns // divisor), -(-rows // divisor))
