# SPDX-License-Identifier: Apache-2.0
"""Prepare looks at every photo: what can be used becomes upright RGB, the rest has a reason."""

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from contracts import photo_rules
from training.dataset.photos import check, problem
from training.dataset.sources import Source


def checked(path: Path, folder: Path, *, longest_side: int = 512) -> NDArray[np.uint8]:
    """The pixels that prepare stores of one file."""
    folder.mkdir(exist_ok=True)
    taken, rejected = check(
        path.parent.parent,
        [Source(f"{path.parent.name}/{path.name}", path.parent.name)],
        keep=folder,
        longest_side=longest_side,
        tick=lambda _done: None,
    )
    assert not rejected
    with Image.open(taken[0].stored) as image:
        assert image.mode == "RGB"
        assert image.getexif().get(0x0112, 1) == 1
        return np.asarray(image)


def grey16(path: Path) -> None:
    Image.new("I;16", (40, 30), 65535).save(path)


def colour16(path: Path) -> None:
    """A 16-bit colour PNG, which Pillow reads but does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    row = b"\0" + struct.pack(">3H", 65535, 65535, 65535) * 40
    header = struct.pack(">IIBBBBB", 40, 30, 16, 2, 0, 0, 0)
    content = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row * 30)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(content))


def two_pictures(path: Path) -> None:
    """What some phones call a JPEG: a second picture behind the first."""
    first, second = (Image.new("RGB", (40, 30), grey) for grey in ("white", "black"))
    first.save(path, "MPO", save_all=True, append_images=[second])


@pytest.mark.parametrize(
    ("name", "save", "white"),
    [
        ("cmyk.jpg", lambda path: Image.new("CMYK", (40, 30), (0, 0, 0, 0)).save(path), True),
        ("grey16.png", grey16, True),
        ("colour16.png", colour16, True),
        ("palette.png", lambda path: Image.new("P", (40, 30), 1).save(path), False),
        ("clear.png", lambda path: Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(path), True),
        ("grey.jpg", lambda path: Image.new("L", (40, 30), 200).save(path), False),
        ("bits.png", lambda path: Image.new("1", (40, 30), 1).save(path), True),
        ("phone.jpg", two_pictures, True),
    ],
)
def test_other_colour_modes_become_rgb(
    tmp_path: Path, name: str, save: Callable[[Path], None], white: bool
) -> None:
    path = tmp_path / "glass" / name
    path.parent.mkdir()
    save(path)
    pixels = checked(path, tmp_path / "kept")
    assert pixels.shape == (30, 40, 3)
    # White stays white: 16 bits are scaled, what is transparent shows a white ground.
    assert (pixels.min() >= 254) == white
    assert problem(path) == ""


def test_large_and_turned_photos_are_stored_small_and_upright(tmp_path: Path) -> None:
    picture = np.zeros((600, 1200, 3), np.uint8)
    picture[:, :600] = (250, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    path = tmp_path / "glass" / "turned.jpg"
    path.parent.mkdir()
    Image.fromarray(picture).save(path, exif=exif, quality=95)
    pixels = checked(path, tmp_path / "kept", longest_side=200).astype(int)
    assert pixels.shape == (200, 100, 3)
    assert pixels[20, 50, 0] > 230, "the left half of the file is the top of the picture"
    assert pixels[180, 50, 0] < 20


def test_the_same_picture_in_another_file_has_the_same_pixels(sample: Path, tmp_path: Path) -> None:
    original = next((sample / "compost").iterdir())
    (tmp_path / "compost").mkdir()
    shutil.copy(original, tmp_path / "compost" / "a.jpg")
    with Image.open(original) as image:
        image.save(tmp_path / "compost" / "b.png")
    (tmp_path / "kept").mkdir()
    sources = [Source(f"compost/{name}", "compost") for name in ("a.jpg", "b.png")]
    taken, _ = check(
        tmp_path, sources, keep=tmp_path / "kept", longest_side=512, tick=lambda _done: None
    )
    assert taken[0].digest != taken[1].digest
    assert taken[0].pixels == taken[1].pixels
    assert (taken[0].width, taken[0].height) == (256, 192)
    assert 0 < taken[0].brightness < 255


def test_reasons_name_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reason(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return problem(tmp_path / name)

    Image.effect_noise((400, 20), 50).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    assert "truncated" in reason("cut.jpg", whole[: len(whole) // 2])
    assert reason("words.jpg", b"not a picture") == (
        "cannot be decoded: it is neither JPEG nor PNG"
    )
    assert reason("notes.txt", b"a note") == "not a photo: .txt; use .jpg .jpeg .png"
    assert reason("README", b"a note") == "not a photo: no suffix; use .jpg .jpeg .png"
    assert problem(tmp_path / "gone.jpg") == "cannot be decoded: No such file or directory"
    (tmp_path / "folder.jpg").mkdir()
    assert problem(tmp_path / "folder.jpg") == (
        "a folder with the name of a photo; put the photo itself there"
    )
    monkeypatch.setattr(photo_rules, "LARGEST_PIXELS", 7999)
    assert problem(tmp_path / "whole.jpg") == "400 x 20 pixels; largest allowed: 7999 in all"
    monkeypatch.setattr(photo_rules, "LARGEST_BYTES", 100)
    assert problem(tmp_path / "whole.jpg") == f"{len(whole)} bytes; largest allowed: 100"
