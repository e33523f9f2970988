# SPDX-License-Identifier: Apache-2.0
"""Prepare, camera, classify and rehearsal take the same pictures, as the same pixels.

What one takes all take; what one refuses all refuse with the same sentence. PNG and JPEGs of
unusual subsampling are converted before they reach a camera's decoder, by the rehearsal and by
``dir:``, and are compressed there once more.
"""

import base64
import io
import threading
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from camera.sources import open_source
from camera.vision.jpeg import BadFrameError, decoded, model_input, size_of, thumbnail
from camera.vision.photos import NoPhotoError, Photo
from contracts.photo_rules import FRAME_IS_ODD, FRAME_IS_PNG, PNG, file_problem, frame_problem
from rehearsal.playback import Playback
from training.dataset.photos import check, problem
from training.dataset.sources import Source

ORIENTATION = 0x0112
PNG_MODES = ["1", "L", "LA", "P", "P clear", "RGB", "RGB clear", "RGBA", "I;16", "I;16 clear"]
JPEG_MODES = ["L", "RGB", "CMYK"]


def drawn(mode, size, seed):
    """Soft shapes, as photos have."""
    noise = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    if mode == "P":
        return picture.quantize(16)
    if mode in ("LA", "RGBA"):
        picture.putalpha(picture.convert("L"))
    return picture.convert(mode)


def saved(picture, kind, *, turn=1, **saving):
    """``turn`` None: without EXIF."""
    if turn is not None:
        saving["exif"] = Image.Exif()
        saving["exif"][ORIENTATION] = turn
    packed = io.BytesIO()
    picture.save(packed, kind, **saving)
    return packed.getvalue()


class Seen:
    """What each of the four makes of a file: pixels, or the sentence."""

    def __init__(self, folder: Path, raw: bytes) -> None:
        (folder / "glass").mkdir(exist_ok=True)
        (folder / "lens").mkdir(exist_ok=True)
        (folder / "kept").mkdir(exist_ok=True)
        for old in folder.glob("*/*"):
            old.unlink()
        self._folder, self._raw = folder, raw
        self.path = folder / "glass" / "a.jpg"
        self.path.write_bytes(raw)

    def prepare(self):
        source = Source(f"glass/{self.path.name}", "glass")
        taken, refused = check(
            self._folder,
            [source],
            keep=self._folder / "kept",
            longest_side=4096,
            tick=lambda _done: None,
        )
        if refused:
            assert problem(self.path) == refused[0].reason
            return refused[0].reason
        with Image.open(taken[0].stored) as image:
            # Training turns nothing: what is kept is upright already.
            return np.asarray(image.convert("RGB")).astype(int)

    def camera(self):
        return on_camera(self._raw)

    def classify(self):
        try:
            photo = Photo(self.path)
        except NoPhotoError as error:
            return str(error)
        columns, rows = photo.size
        assert photo.grid.shape == (18, 24, 3)
        assert np.isfinite(photo.grid).all()
        return photo.input(None, width=columns, height=rows).astype(int)

    def rehearsal(self):
        lens = self._folder / "lens"
        show = Playback(cloud=None, camera=None, lens=lens, latest_table="", archive_bucket="")
        try:
            show._present(self.path, 1)
        except ValueError as error:
            return str(error).removeprefix(f"{self.path.name}: ")
        return on_camera((lens / "00001.jpg").read_bytes())

    def shown(self):
        """What ``dir:`` gives to the camera."""
        source = open_source(f"dir:{self.path.parent}?fps=0&hold=1&gap=0")
        return on_camera(list(source.frames(threading.Event()))[-1])


def on_camera(raw):
    try:
        assert np.isfinite(thumbnail(raw)).all()
        return decoded(raw, divisor=1).rgb.astype(int)
    except BadFrameError as error:
        return str(error)


def agree(seen: Seen, raw: bytes) -> None:
    """Hold the four against each other."""
    wanted = seen.prepare()
    if isinstance(wanted, str):
        others = [seen.camera(), seen.classify(), seen.rehearsal()]
        if not file_problem(raw) and (otherwise := frame_problem(raw)):
            # A camera looks no further: it would not take it whole either.
            assert others[0] in (otherwise, wanted)
            others[0] = wanted
        assert others == [wanted] * 3
        return
    assert_same(seen.classify(), wanted, most=1)
    if otherwise := frame_problem(raw):
        assert otherwise == (FRAME_IS_PNG if raw.startswith(PNG) else FRAME_IS_ODD)
        assert seen.camera() == otherwise
        # JPEG is the only thing that a camera takes: this much is lost on the way.
        for compressed in (seen.rehearsal(), seen.shown()):
            assert_same(compressed, wanted, most=40)
            assert np.abs(compressed - wanted).mean() < 2
        return
    for exact in (seen.camera(), seen.rehearsal(), seen.shown()):
        assert_same(exact, wanted, most=1)
    assert size_of(raw) == (wanted.shape[1], wanted.shape[0])


def assert_same(pixels, wanted, *, most):
    assert not isinstance(pixels, str), pixels
    assert pixels.shape == wanted.shape
    assert np.abs(pixels - wanted).max() <= most


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("same")


SIZES = st.one_of(
    st.tuples(st.integers(32, 200), st.integers(32, 200)),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.just(2000), st.integers(15, 20)),
    st.tuples(st.integers(15, 20), st.just(2000)),
)


@settings(max_examples=40, deadline=None)
@given(
    mode=st.sampled_from(JPEG_MODES),
    size=SIZES,
    seed=st.integers(0, 99),
    turn=st.integers(0, 9),
    progressive=st.booleans(),
    optimize=st.booleans(),
    subsampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    quality=st.integers(20, 100),
    restart_marker_blocks=st.sampled_from([0, 1, 5]),
    keep_rgb=st.booleans(),
)
def test_every_jpeg_is_the_same_to_all(folder, mode, size, **saving):
    seed, keep_rgb = saving.pop("seed"), saving.pop("keep_rgb")
    if keep_rgb and mode == "RGB":
        saving |= {"keep_rgb": True, "subsampling": "4:4:4"}
    raw = saved(drawn(mode, size, seed), "JPEG", **saving)
    agree(Seen(folder, raw), raw)


@settings(max_examples=40, deadline=None)
@given(
    mode=st.sampled_from(PNG_MODES),
    size=SIZES,
    seed=st.integers(0, 99),
    turn=st.integers(0, 9),
)
def test_every_png_is_the_same_to_all(folder, mode, size, seed, turn):
    clear = {"P clear": 3, "RGB clear": (9, 9, 9), "I;16 clear": 257 * 100}.get(mode)
    saving = {} if clear is None else {"transparency": clear}
    raw = saved(drawn(mode.removesuffix(" clear"), size, seed), "PNG", turn=turn, **saving)
    agree(Seen(folder, raw), raw)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG"]),
    share=st.floats(0, 1),
    progressive=st.booleans(),
    size=SIZES,
)
def test_what_is_cut_short_is_refused_by_all(folder, kind, share, progressive, size):
    saving = {"progressive": progressive} if kind == "JPEG" else {}
    whole = saved(drawn("RGB", size, 0), kind, **saving)
    raw = whole[: int(share * (len(whole) - 1))]
    seen = Seen(folder, raw)
    agree(seen, raw)
    if kind == "JPEG":
        assert isinstance(seen.prepare(), str)


FLIPS = st.lists(
    st.tuples(
        # The header and the tables are the first 700 bytes; anywhere is mostly in the pixels.
        st.one_of(st.integers(0, 700), st.integers(0, 9999)),
        st.integers(1, 255),
    ),
    min_size=1,
    max_size=3,
)
"""Where, modulo the file's length, and what is changed there."""


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG"]),
    mode=st.sampled_from(JPEG_MODES),
    saving=st.fixed_dictionaries(
        {"progressive": st.booleans(), "restart_marker_blocks": st.sampled_from([0, 3])}
    ),
    flips=FLIPS,
    turn=st.sampled_from([None, 1]),
)
def test_what_is_damaged_anywhere_is_the_same_to_all(folder, kind, mode, saving, flips, turn):  # noqa: PLR0917
    if kind == "PNG":
        mode, saving = mode.replace("CMYK", "RGBA"), {}
    raw = bytearray(saved(drawn(mode, (120, 90), 0), kind, turn=turn, **saving))
    for at, change in flips:
        raw[at % len(raw)] ^= change
    agree(Seen(folder, bytes(raw)), bytes(raw))


@pytest.mark.parametrize("sampling", ["444", "422", "420", "440", "411", "Gray"])
def test_every_subsampling_is_the_same_to_all(folder, sampling):
    pixels = np.asarray(drawn("RGB", (101, 67), 4))
    raw = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), colorsubsampling=sampling)
    agree(Seen(folder, raw), raw)


def encoded(kind):
    packed = io.BytesIO()
    drawn("RGB", (96, 64), 0).save(packed, kind)
    return packed.getvalue()


JPEG_BYTES = encoded("JPEG")
NO_PIXELS = encoded("PNG")[:33] + b"\0\0\0\0IEND\xaeB`\x82"


def with_header(marker, *, depth=8, parts=3):
    """The JPEG with another frame header, as kinds have it that Pillow does not write."""
    raw = bytearray(JPEG_BYTES)
    at = raw.index(b"\xff\xc0")
    raw[at + 1], raw[at + 4], raw[at + 9] = marker, depth, parts
    return bytes(raw)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "the file is empty"),
        (b"no picture", "it is neither JPEG nor PNG"),
        (b"\xff\xd8", "it is neither JPEG nor PNG"),
        (b"\xff\xd8\xff\xe0", "image file is truncated or damaged"),
        (PNG, "image file is truncated or damaged"),
        (encoded("WEBP"), "it is WebP, whatever its name says; save it as JPEG"),
        (encoded("GIF"), "it is GIF, whatever its name says; save it as JPEG"),
        (encoded("BMP"), "it is BMP, whatever its name says; save it as JPEG"),
        (b"\n" + JPEG_BYTES, "it is a JPEG behind bytes that are not part of it, whatever"),
        (b"HTTP/1.0 200 OK\r\n\r\n" + JPEG_BYTES, "it is a JPEG behind bytes"),
        (b"\0" * 500, "it is only zeros (a copy that was cut short)"),
        (b'{"error": "not found"}', "it is a text (a server's answer instead of the photo)"),
        (b"<?xml version='1.0'?><Error/>", "it is a text (a server's answer"),
        (b"<html>", "it is a web page (the download went wrong)"),
        (base64.b64encode(JPEG_BYTES), "it is the text of a picture in base64 (decode it)"),
        (b"version https://git-lfs.github.com/spec/v1", "it is a Git LFS pointer (git lfs pull"),
        (encoded("PPM"), "it is PPM, whatever its name says; save it as JPEG"),
        (NO_PIXELS, "image file is truncated or damaged"),
        (encoded("TIFF"), "it is TIFF or a camera's raw format, whatever"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99, "it is HEIC, whatever"),
        (with_header(0xC1, depth=12), "a JPEG of 12 bits a colour; save it with 8"),
        (with_header(0xC3), "a lossless or hierarchical JPEG"),
        (with_header(0xC0, parts=2), "a JPEG of 2 colours; allowed: 1, 3 or 4"),
    ],
)
def test_what_is_no_photo_gets_the_same_sentence_from_all(folder, raw, sentence):
    seen = Seen(folder, raw)
    agree(seen, raw)
    assert seen.prepare().startswith(f"cannot be decoded: {sentence}")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_turn_of_a_layered_picture_is_applied_by_all(folder, kind):
    raw = saved(drawn("CMYK" if kind == "JPEG" else "RGBA", (90, 60), 0), kind, turn=6)
    assert Seen(folder, raw).prepare().shape == (90, 60, 3)
    agree(Seen(folder, raw), raw)


def test_a_turn_noted_in_xmp_alone_turns_nothing_for_anyone(folder):
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    packed = io.BytesIO()
    drawn("RGB", (90, 60), 0).save(packed, "JPEG", xmp=xmp)
    agree(Seen(folder, packed.getvalue()), packed.getvalue())


def test_limits_are_the_same_for_all(folder, monkeypatch):
    seen = Seen(folder, JPEG_BYTES)
    monkeypatch.setattr("contracts.photo_rules.LARGEST_PIXELS", 96 * 64 - 1)
    agree(seen, JPEG_BYTES)
    assert seen.prepare() == "96 x 64 pixels; largest allowed: 6143 in all"
    monkeypatch.setattr("contracts.photo_rules.LARGEST_BYTES", 100)
    agree(seen, JPEG_BYTES)
    assert seen.prepare() == f"{len(JPEG_BYTES)} bytes; largest allowed: 100"


def test_classify_squashes_as_the_camera_does(folder):
    for mode in JPEG_MODES:
        raw = saved(drawn(mode, (300, 200), 1), "JPEG", turn=8)
        photo = Photo(Seen(folder, raw).path).input(None, width=24, height=24)
        assert np.array_equal(photo, model_input(raw, width=24, height=24))


@pytest.mark.parametrize(
    "damage", [b"Exif\0\0", b"Exif\0\0XX*\0", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
def test_damaged_exif_does_not_refuse_a_frame(folder, damage):
    segment = b"\xff\xe1" + (len(damage) + 2).to_bytes(2, "big") + damage
    raw = JPEG_BYTES[:2] + segment + JPEG_BYTES[2:]
    assert size_of(raw) == (96, 64)
    agree(Seen(folder, raw), raw)


@pytest.mark.parametrize("progressive", [False, True])
def test_zeros_that_fill_up_a_block_are_left_out_by_all(folder, progressive):
    raw = saved(drawn("RGB", (96, 64), 0), "JPEG", progressive=progressive)
    padded = raw[:-2] + bytes(500) + raw[-2:]
    agree(Seen(folder, padded), padded)
    assert np.array_equal(on_camera(padded), on_camera(raw))


ARITHMETIC = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV01XKW3knDg3knMk4h;_zAQcl55)&sJ9v2`kDKRiEDJ?8BI!Zn>HbyrrEkI"
    "X6ModmpQ&KWMT47pHU`kO^PygEhLjevB4iga*CKVMXPc<zyPft%zPft%zPft%zPft%zPft%zPft%zPft%zPft%zP"
    "ft%zPft%zPft%zPft%zPf!2J01*fP7yuvx0U`hb5di}c0sqVZ3IGrg1pyEd1^?Or3<CiG0ucid06zfIkKD7@yrs>"
    "1$YjrG*|*6-<_NadsVE&C?H(<^At811YLf}^A#}WIeVvtPlZgbn5=wiozR#%!#d)Y;9wB|%XZK%i5$9%3BU%m})l"
    "agd!COJ__ai8DeE$HR0@=>}j8y7M;@UJbdy0-JDF@s14(qE?G|>aHlEGerNWVQB)N=pX"
)
"""32 x 24 pixels, by ``jpegtran -arithmetic`` (libjpeg-turbo 2.1.5): Pillow writes no such JPEG."""


def test_arithmetic_codes_are_the_same_to_all(folder):
    assert b"\xff\xc9" in ARITHMETIC
    assert Seen(folder, ARITHMETIC).prepare().shape == (24, 32, 3)
    agree(Seen(folder, ARITHMETIC), ARITHMETIC)
