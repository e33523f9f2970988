# SPDX-License-Identifier: Apache-2.0
"""The rehearsal shows its camera each photo as prepare sees it."""

import numpy as np
import pytest
from PIL import Image

from camera.vision.jpeg import model_input
from training.dataset.photos import as_jpeg


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("P", "PNG", {}),
        ("L", "JPEG", {}),
        ("CMYK", "JPEG", {}),
        ("RGB", "JPEG", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"}),
    ],
)
def test_a_photo_of_any_kind_is_shown_whatever_its_name(tmp_path, mode, kind, options):
    colour = Image.new("RGB", (96, 64), (180, 180, 180))
    colour = colour.quantize(4) if mode == "P" else colour.convert(mode)
    colour.save(tmp_path / "a.jpg", kind, **options)
    seen = model_input(as_jpeg(tmp_path / "a.jpg"), width=32, height=32)
    assert np.abs(seen.astype(int) - 180).max() <= 3


def test_a_plain_jpeg_is_shown_as_it_is_and_rubbish_is_refused(tmp_path):
    Image.new("RGB", (96, 64)).save(tmp_path / "a.jpg")
    assert as_jpeg(tmp_path / "a.jpg") == (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"b\.jpg: cannot be decoded"):
        as_jpeg(tmp_path / "b.jpg")
