# SPDX-License-Identifier: Apache-2.0
"""Which pictures are accepted, and the message for those that are not.

Prepare, the camera, classify and the rehearsal all use these rules, so that they all accept a photo
or all refuse it with the same reason. Standard library only: cameras have no Pillow.
"""

from typing import NamedTuple

from contracts.real_format import is_picture, real_format

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
SMALLEST_SIDE = 16
LARGEST_PIXELS = 50_000_000
"""Bounds memory: a damaged header can claim any size."""
LARGEST_BYTES = 100_000_000
FRAME_IS_PNG = "cannot be decoded: it is PNG, and a camera's frames are JPEG"
FRAME_IS_ODD = (
    "cannot be decoded: a JPEG of unusual subsampling; save it as 4:4:4, 4:2:2, 4:2:0 or 4:1:1"
)

_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_DECODED = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Baseline, extended and progressive, with Huffman or arithmetic codes."""
_SCAN = 0xDA
_SAMPLED = {(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)}
"""Luma samples, across and down, per chroma sample."""


class _Header(NamedTuple):
    """What a JPEG's frame header says; ``samples`` are those of each part, across and down."""

    kind: int
    depth: int
    rows: int
    columns: int
    samples: list[tuple[int, int]]


def file_problem(raw: bytes) -> str:
    """Why a file is refused, judging by its first bytes; empty if it is JPEG or PNG."""
    if not raw:
        return "cannot be decoded: the file is empty"
    if problem := bytes_problem(len(raw)):
        return problem
    if raw.startswith(JPEG):
        return _jpeg_problem(raw)
    if raw.startswith(PNG):
        return ""
    if name := real_format(raw):
        what = f"cannot be decoded: it is {name}"
        return f"{what}, whatever its name says; save it as JPEG" if is_picture(name) else what
    return "cannot be decoded: it is neither JPEG nor PNG"


def bytes_problem(count: int) -> str:
    """Why a file of this many bytes is refused; empty if it is accepted."""
    if count > LARGEST_BYTES:
        return f"{count} bytes; largest allowed: {LARGEST_BYTES}"
    return ""


def size_problem(columns: int, rows: int) -> str:
    """Why a picture of this size, as stored in the file, is refused; empty if it is accepted."""
    if min(columns, rows) < SMALLEST_SIDE:
        return f"{columns} x {rows} pixels; smallest side allowed: {SMALLEST_SIDE}"
    if columns * rows > LARGEST_PIXELS:
        return f"{columns} x {rows} pixels; largest allowed: {LARGEST_PIXELS} in all"
    return ""


def damaged() -> str:
    """The message for a JPEG or PNG that a decoder cannot read to its end."""
    return "cannot be decoded: image file is truncated or damaged"


def frame_problem(raw: bytes) -> str:
    """Why a camera's decoder refuses a photo that Pillow may accept; otherwise empty.

    Prepare accepts such a photo, classify reads it with Pillow, and programs that show photos to a
    camera convert it first (``contracts.still.as_frame``).
    """
    if raw.startswith(PNG):
        return FRAME_IS_PNG
    header = _header(raw)
    if header is None or len(header.samples) == 1:
        return ""
    first, *others = header.samples
    wanted = [(1, 1), (1, 1), first][: len(others)]
    if first in _SAMPLED and others == wanted:
        return ""
    return size_problem(header.columns, header.rows) or FRAME_IS_ODD


def _jpeg_problem(raw: bytes) -> str:
    """Problems of rare kinds of JPEG, which only some builds of libjpeg read."""
    header = _header(raw)
    if header is None:
        return ""
    if header.kind not in _DECODED:
        return "cannot be decoded: a lossless or hierarchical JPEG; save it as another kind"
    if header.depth != 8:
        return f"cannot be decoded: a JPEG of {header.depth} bits a colour; save it with 8"
    if len(header.samples) not in (1, 3, 4):
        return f"cannot be decoded: a JPEG of {len(header.samples)} colours; allowed: 1, 3 or 4"
    return ""


def _header(raw: bytes) -> _Header | None:
    """The frame header; None if there is no complete one before the pixels."""
    at = 2
    while at + 4 <= len(raw) and raw[at] == 0xFF and raw[at + 1] != _SCAN:
        length = int.from_bytes(raw[at + 2 : at + 4], "big")
        body = raw[at + 4 : at + 2 + length]
        if raw[at + 1] in _FRAME_HEADERS:
            if len(body) < 6 or len(body) < 6 + 3 * body[5]:
                return None
            samples = [body[6 + 3 * part + 1] for part in range(body[5])]
            return _Header(
                kind=raw[at + 1],
                depth=body[0],
                rows=int.from_bytes(body[1:3], "big"),
                columns=int.from_bytes(body[3:5], "big"),
                samples=[(both >> 4, both & 15) for both in samples],
            )
        at += 2 + length
    return None
