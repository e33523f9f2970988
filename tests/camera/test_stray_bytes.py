# SPDX-License-Identifier: Apache-2.0
"""Cameras that put stray bytes before restart markers are seen; half frames are not."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from camera.vision.jpeg import BadFrameError, model_input, thumbnail


def jpeg(**options):
    noise = np.random.default_rng(7).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((640, 472)).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def with_junk(frame, junk):
    scan = frame.index(b"\xff\xda")
    return frame[:scan] + re.sub(rb"\xff[\xd0-\xd7]", lambda found: junk + found[0], frame[scan:])


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("junk", [b"\0", b"\x12" * 4, b"\x55\xaa"])
def test_stray_bytes_before_restarts_change_nothing(subsampling, junk):
    clean = jpeg(restart_marker_blocks=20, subsampling=subsampling)
    frame = with_junk(clean, junk)
    assert np.array_equal(thumbnail(frame), thumbnail(clean))
    seen, meant = (model_input(one, width=64, height=64).astype(int) for one in (frame, clean))
    assert np.abs(seen - meant).max() <= 2


@pytest.mark.parametrize("lost", [1, 2, 8])
def test_a_frame_without_some_of_its_intervals_is_refused(lost):
    clean = jpeg(restart_marker_blocks=20)
    places = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", clean)]
    frame = clean[: places[2]] + b"\x12" * 4 + clean[places[2 + lost] :]
    with pytest.raises(BadFrameError):
        thumbnail(frame)


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 20}, {"progressive": True}])
def test_half_a_frame_is_refused(options):
    clean = jpeg(**options)
    for frame in (clean[: len(clean) // 2], clean[: len(clean) // 2] + b"\xff\xd9"):
        with pytest.raises(BadFrameError):
            thumbnail(with_junk(frame, b"\x12"))
