# SPDX-License-Identifier: Apache-2.0
"""Camera, classify and prepare see the same pixels in every JPEG that Pillow writes.

Grey and colour, upright or with any turn that a phone notes, baseline and progressive, with any
subsampling, size and restart markers. CMYK is not among them: prepare and classify take it through
Pillow, and the camera's decoder cannot.
"""

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from camera.vision.jpeg import decoded, model_input, size_of
from camera.vision.photos import Photo
from training.dataset.photos import as_jpeg

ORIENTATION = 0x0112


def drawn(mode, size, seed, **saving):
    """A JPEG with soft shapes, as photos have."""
    noise = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).convert(mode)
    packed = io.BytesIO()
    picture.save(packed, "JPEG", **saving)
    return packed.getvalue()


def upright(raw):
    """What prepare sees: Pillow's pixels, turned as EXIF says."""
    with Image.open(io.BytesIO(raw)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    mode=st.sampled_from(["RGB", "L"]),
    width=st.integers(32, 200),
    height=st.integers(32, 200),
    orientation=st.integers(0, 9),
    progressive=st.booleans(),
    subsampling=st.sampled_from([0, 1, 2]),
    quality=st.integers(20, 97),
    restarts=st.sampled_from([0, 1, 5]),
    seed=st.integers(0, 99),
)
def test_every_jpeg_has_the_same_pixels(tmp_path, mode, width, height, orientation, **saving):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    seed, restarts = saving.pop("seed"), saving.pop("restarts")
    raw = drawn(mode, (width, height), seed, exif=exif, restart_marker_blocks=restarts, **saving)
    wanted = upright(raw)
    camera = decoded(raw, divisor=1).rgb.astype(int)
    assert camera.shape == wanted.shape
    assert np.abs(camera - wanted).max() <= 1
    assert size_of(raw) == (wanted.shape[1], wanted.shape[0])
    path = tmp_path / "photo.jpg"
    path.write_bytes(raw)
    photo = Photo(path)
    assert photo.size == size_of(raw)
    classified = photo.input(None, width=24, height=24).astype(int)
    assert np.abs(classified - model_input(raw, width=24, height=24).astype(int)).max() <= 1
    # The rehearsal shows the camera what prepare keeps; a turned photo is compressed once more.
    shown = decoded(as_jpeg(path), divisor=1).rgb.astype(int)
    assert shown.shape == wanted.shape
    assert np.abs(shown - wanted).mean() < 3


@pytest.mark.parametrize(
    "damage", [b"Exif\0\0", b"Exif\0\0XX*\0", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
def test_damaged_exif_does_not_refuse_a_frame(damage):
    raw = drawn("RGB", (64, 48), 0)
    segment = b"\xff\xe1" + (len(damage) + 2).to_bytes(2, "big") + damage
    assert size_of(raw[:2] + segment + raw[2:]) == (64, 48)
