# SPDX-License-Identifier: Apache-2.0
"""Pictures that cameras, phones and programs write and Pillow does not: the same to all four.

The kinds come from public reports; the pictures are made here.
"""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.camera.test_same_pictures import Seen, agree, drawn, saved

RGB = drawn("RGB", (96, 64), 0)
WHOLE = saved(RGB, "JPEG", turn=None)
FULL = saved(RGB, "JPEG", turn=None, subsampling="4:4:4")
GREY = saved(drawn("L", (96, 64), 0), "JPEG", turn=None)
INKS = saved(drawn("CMYK", (96, 64), 0), "JPEG", turn=None)
PNG_FILE = saved(RGB, "PNG", turn=None)
DAMAGED = "cannot be decoded: image file is truncated or damaged"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("strange")


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def first(raw, *segments):
    """Segments at the beginning of a JPEG."""
    return raw[:2] + b"".join(segments) + raw[2:]


def without(raw, *markers):
    """A JPEG without the header segments of these kinds."""
    kept, at = raw[:2], 2
    while raw[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
        kept += b"" if raw[at + 1] in markers else raw[at:end]
        at = end
    return kept + raw[at:]


BARE = without(WHOLE, 0xE0)


def named(raw, *names):
    """A JPEG whose three colours have these numbers."""
    changed = bytearray(raw)
    frame, scan = raw.index(b"\xff\xc0"), raw.index(b"\xff\xda")
    for part, name in enumerate(names):
        changed[frame + 10 + 3 * part] = changed[scan + 5 + 2 * part] = name
    return bytes(changed)


def sampled(raw, *factors):
    changed = bytearray(raw)
    for part, factor in enumerate(factors):
        changed[raw.index(b"\xff\xc0") + 11 + 3 * part] = factor
    return bytes(changed)


def adobe(transform):
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


def exif(turn, order, kind=3):
    number = struct.pack(f"{order}H2x" if kind == 3 else f"{order}I", turn)
    head = b"II*\0" if order == "<" else b"MM\0*"
    body = struct.pack(f"{order}IHHHI", 8, 1, 0x112, kind, 1) + number + bytes(4)
    return segment(0xE1, b"Exif\0\0" + head + body)


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(depth, colour, *, row, lines=40, before=b""):
    """40 x 40 pixels of noise in ``lines`` rows of ``row`` bytes."""
    noise = np.random.default_rng(1).integers(0, 256, (lines, row), dtype=np.uint8)
    rows = b"".join(b"\0" + line.tobytes() for line in noise)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, depth, colour, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + before
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def several(kind, mode, **saving):
    """A file with more than one picture."""
    packed = io.BytesIO()
    more = [drawn(mode, (96, 64), seed) for seed in (3, 5)]
    drawn(mode, (96, 64), 0).save(packed, kind, save_all=True, append_images=more, **saving)
    return packed.getvalue()


def refilled(raw):
    return re.sub(
        rb"\xff([\xdb\xc0\xc4\xda])", lambda found: b"\xff\xff\xff" + found[1], raw, count=4
    )


TAKEN = {
    "a webcam's frame without Huffman tables": without(WHOLE, 0xC4),
    "colours numbered R G B": named(BARE, *b"RGB"),
    "colours numbered from 0": named(BARE, 0, 1, 2),
    "Adobe says RGB": first(BARE, adobe(0)),
    "Adobe says RGB, JFIF says not": first(WHOLE, adobe(0)),
    "Adobe says YCC": first(BARE, adobe(1)),
    "grey with factors": sampled(GREY, 0x22),
    "more colour than brightness": sampled(FULL, 0x11, 0x22, 0x22),
    "three across": sampled(FULL, 0x31, 0x11, 0x11),
    "markers filled up": refilled(WHOLE),
    "two ends": WHOLE + b"\xff\xd9",
    "a phone's film behind it": WHOLE + b"\0\0\0\x18ftypmp42" + bytes(300),
    "another JPEG behind it": WHOLE + GREY,
    "several in one": several("MPO", "RGB"),
    "an empty comment": first(WHOLE, segment(0xFE, b"")),
    "inks without Adobe": without(INKS, 0xEE),
    "inks as YCCK": re.sub(rb"(?s)(Adobe.{6})\0", lambda f: f[1] + b"\2", INKS, count=1),
    "coarse tables": saved(RGB, "JPEG", turn=None, qtables=[[300] * 64, [300] * 64]),
    "JFIF cut short": first(BARE, segment(0xE0, b"JFIF")),
    "Adobe cut short": first(WHOLE, segment(0xEE, b"Adobe\0")),
    "a colour profile cut short": first(WHOLE, segment(0xE2, b"ICC_PROFILE\0\1")),
    "grey PNG of 1 bit": png(1, 0, row=5),
    "grey PNG of 4 bits": png(4, 0, row=20),
    "PNG of 16 bits, see-through": png(16, 6, row=320),
    "PNG of 2 bits, one colour clear": png(2, 0, row=10, before=chunk(b"tRNS", b"\0\1")),
    "PNG with a short palette": png(4, 3, row=20, before=chunk(b"PLTE", bytes(range(30)))),
    "PNG without a palette": png(8, 3, row=40),
    "PNG with gamma": PNG_FILE[:33] + chunk(b"gAMA", b"\0\1\x86\xa0") + PNG_FILE[33:],
    "PNG with more behind it": PNG_FILE + b"more",
    "animated PNG": several("PNG", "RGBA"),
    "animated PNG with another cover": several("PNG", "RGB", default_image=True),
}  # fmt: skip
REFUSED = {
    "inks that Adobe calls RGB": first(BARE, adobe(2)),
    "a height that comes later": WHOLE.replace(
        struct.pack(">HH", 64, 96), struct.pack(">HH", 0, 96)
    ),
    "no tables of quality": without(WHOLE, 0xDB),
    "restarts that are missing": WHOLE.replace(b"\xff\xda", b"\xff\xdd\0\4\0\5\xff\xda", 1),
    "PNG with a wrong sum": PNG_FILE[:-20] + bytes([PNG_FILE[-20] ^ 1]) + PNG_FILE[-19:],
    "PNG with an unknown filter": png(8, 2, row=119),
    "PNG of 3 bits": png(3, 0, row=15),
    "PNG without width": PNG_FILE[:16] + bytes(4) + PNG_FILE[20:],
}


@pytest.mark.parametrize("raw", TAKEN.values(), ids=TAKEN)
def test_it_is_the_same_picture_to_all(folder, raw):
    seen = Seen(folder, raw)
    assert not isinstance(seen.prepare(), str)
    agree(seen, raw)


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_all_refuse_it_with_the_same_sentence(folder, raw):
    seen = Seen(folder, raw)
    assert seen.prepare() == DAMAGED
    agree(seen, raw)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [3, 4])
@pytest.mark.parametrize("place", ["first", "behind a frame header", "twice", "behind XMP"])
def test_a_turn_is_the_same_to_all_wherever_it_is_noted(folder, order, kind, place):
    noted = exif(6, order, kind)
    raw = {
        "first": first(BARE, noted),
        "behind a frame header": BARE.replace(b"\xff\xda", noted + b"\xff\xda", 1),
        "twice": first(BARE, noted, exif(8, order)),
        "behind XMP": first(BARE, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), noted),
    }[place]
    agree(Seen(folder, raw), raw)


@pytest.mark.parametrize(
    "name", ["JFIF cut short", "Adobe cut short", "a colour profile cut short"]
)
def test_what_is_kept_of_it_can_be_opened_by_training(folder, name):
    seen = Seen(folder, TAKEN[name])
    seen.prepare()
    for kept in (folder / "kept").iterdir():
        with Image.open(kept) as image:
            assert image.size == (96, 64)
