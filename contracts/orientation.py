# SPDX-License-Identifier: Apache-2.0
"""The turn that a phone notes in a JPEG's EXIF, applied to decoded pixels as prepare applies it."""

import struct

import numpy as np

from contracts.preprocessing import Pixels

_ORIENTATION = 0x0112
_APP1, _SCAN = 0xE1, 0xDA
UPRIGHT = 1
_STEPS = {
    2: (1, -1),
    3: (-1, -1),
    4: (-1, 1),
    5: (1, 1),
    6: (1, -1),
    7: (-1, -1),
    8: (-1, 1),
}
"""Directions in which rows and columns are read, once those on their side have changed places."""


def orientation_of(jpeg: bytes) -> int:
    """1 to 8 as EXIF numbers them; 1, upright, also where nothing is noted or it is damaged."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != _SCAN:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] == _APP1 and jpeg[at + 4 : at + 10] == b"Exif\0\0":
            try:
                return _noted(jpeg[at + 10 : at + 2 + length])
            except struct.error:
                return UPRIGHT
        at += 2 + length
    return UPRIGHT


def _noted(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2], "")
    if not order:
        return UPRIGHT
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for index in range(count):
        tag, kind, number, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * index)
        if tag == _ORIENTATION and kind == 3 and number == 1:
            return value if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def lies_on_its_side(orientation: int) -> bool:
    """Whether columns and rows change places."""
    return orientation >= 5


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """The pixels ``[H, W, 3]`` upright."""
    if orientation == UPRIGHT:
        return pixels
    if lies_on_its_side(orientation):
        pixels = pixels.swapaxes(0, 1)
    rows, columns = _STEPS[orientation]
    return np.ascontiguousarray(pixels[::rows, ::columns])
