# SPDX-License-Identifier: Apache-2.0
"""The pixels of a JPEG, by the one decoder that prepare and the cameras share.

It is strict: it refuses a JPEG that is damaged anywhere, where Pillow would return a partial
picture. Stray bytes in a complete JPEG do not count as damage: Logitech webcams write some before
restart markers. They are harmless as long as every interval is present. The restart markers show
that: they are numbered, and their count follows from the size.
"""

import re

import numpy as np
import simplejpeg

from contracts.photo_rules import damaged
from contracts.preprocessing import Pixels

_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
_RESTARTS = range(0xD0, 0xD8)
_END, _SCAN, _INTERVAL = 0xD9, 0xDA, 0xDD
_BASELINE = (0xC0, 0xC1)
_STRAY = "extraneous bytes before marker"


class DamagedJpegError(ValueError):
    """The JPEG cannot be decoded to its end; the message is that of ``photo_rules.damaged``."""


def stored_size(jpeg: bytes) -> tuple[int, int]:
    """Columns and rows as stored, not turned. Raises DamagedJpegError."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(jpeg)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise DamagedJpegError(damaged()) from error
    return int(width), int(height)


def stored_pixels(jpeg: bytes, *, rows: int, columns: int) -> Pixels:
    """RGB ``[H, W, 3]`` as stored, not turned, at the smallest scale with at least this size.

    Raises DamagedJpegError.
    """
    try:
        return _pixels(jpeg, rows=rows, columns=columns, strict=True)
    except (ValueError, RuntimeError, MemoryError) as error:
        # Stray bytes in a whole frame are harmless.
        if _STRAY not in str(error):
            raise DamagedJpegError(damaged()) from error
    whole = is_whole(jpeg)
    try:
        kept = jpeg if whole else without_padding(jpeg)
        return _pixels(kept, rows=rows, columns=columns, strict=not whole)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise DamagedJpegError(damaged()) from error


def _pixels(jpeg: bytes, *, rows: int, columns: int, strict: bool) -> Pixels:
    colours = simplejpeg.decode_jpeg_header(jpeg)[2]
    printed = colours in ("CMYK", "YCCK")
    pixels: Pixels = simplejpeg.decode_jpeg(
        jpeg,
        colorspace="CMYK" if printed else "RGB",
        min_height=rows,
        min_width=columns,
        strict=strict,
    )
    return _from_print(pixels) if printed else pixels


def _from_print(inks: Pixels) -> Pixels:
    """RGB from CMYK ``[H, W, 4]`` as JPEGs store it (255: no ink), exactly as Pillow does."""
    black = inks[..., 3:].astype(np.int32)
    taken = (255 - inks[..., :3].astype(np.int32)) * black + 128
    taken = ((taken >> 8) + taken) >> 8
    return np.clip(black - taken, 0, 255).astype(np.uint8)


def is_whole(jpeg: bytes) -> bool:
    """Whether a single-scan JPEG has all restart intervals in order, and its end marker."""
    interval = units = 0
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : at + 2 + length]
        if marker in _BASELINE:
            units = _units(body)
        elif marker == _INTERVAL and len(body) >= 2:
            interval = int.from_bytes(body[:2], "big")
        elif marker == _SCAN:
            return bool(interval and units) and _in_turn(
                jpeg[at + 2 + length :], restarts=-(-units // interval) - 1
            )
        at += 2 + length
    return False


def without_padding(jpeg: bytes) -> bytes:
    """The JPEG without the zeros that some cameras put before its end, to fill a whole block."""
    end = jpeg.rfind(b"\xff\xd9")
    return jpeg if end < 0 else jpeg[:end].rstrip(b"\0") + jpeg[end:]


def _units(frame: bytes) -> int:
    """How many coded units (MCU) a baseline frame header stands for."""
    if len(frame) < 6 or len(frame) < 6 + 3 * frame[5]:
        return 0
    rows, columns = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    factors = [frame[6 + 3 * number + 1] for number in range(frame[5])]
    across, down = (
        max((f >> 4 for f in factors), default=0),
        max((f & 15 for f in factors), default=0),
    )
    if len(factors) == 1:
        across = down = 1
    if not across or not down:
        return 0
    return -(-columns // (8 * across)) * -(-rows // (8 * down))


def _in_turn(scan: bytes, *, restarts: int) -> bool:
    found = [match[1][0] for match in _MARKER.finditer(scan)]
    if _END not in found:
        return False
    before = found[: found.index(_END)]
    return before == [_RESTARTS[number % 8] for number in range(restarts)]
