# SPDX-License-Identifier: Apache-2.0
"""JPEG bytes to what the gate and the model look at, decoding no more pixels than needed."""

from typing import NamedTuple

import numpy as np
import simplejpeg

from contracts.cut import BLOCK
from contracts.empty_view import GRID_COLUMNS, GRID_ROWS, Grid, grid
from contracts.preprocessing import Pixels, decode_divisor, resize

MAXIMUM_PIXELS = 50_000_000
"""A damaged header can claim any size; memory stays bounded all the same."""

Thumbnail = Grid


class BadFrameError(ValueError):
    """These bytes are no usable picture; the frame is skipped and counted."""


class Decoded(NamedTuple):
    """A picture, and how far it was scaled down while it was decoded."""

    rgb: Pixels
    divisor: int


def thumbnail(jpeg: bytes, *, picture: Decoded | None = None) -> Thumbnail:
    """Mean colours (``contracts.empty_view.grid``), decoded at 1/8 scale where possible.

    ``picture``: the same, where it is decoded already.
    """
    columns, rows = size_of(jpeg)
    small = -(-rows // BLOCK) < GRID_ROWS or -(-columns // BLOCK) < GRID_COLUMNS
    if small:
        return grid(_decode(jpeg, rows=rows, columns=columns))
    if picture is not None:
        return grid(picture.rgb, divisor=picture.divisor)
    return grid(_decode(jpeg, rows=GRID_ROWS, columns=GRID_COLUMNS), divisor=BLOCK)


def decoded(jpeg: bytes, *, width: int, height: int) -> Decoded:
    """The picture at the scale that training decodes at for this model input."""
    columns, rows = size_of(jpeg)
    divisor = decode_divisor(columns=columns, rows=rows, width=width, height=height)
    return Decoded(_decode(jpeg, rows=-(-rows // divisor), columns=-(-columns // divisor)), divisor)


def model_input(jpeg: bytes, *, width: int, height: int) -> Pixels:
    """The picture as the model learned to see it: RGB, squashed to ``height`` x ``width``."""
    return resize(decoded(jpeg, width=width, height=height).rgb, width=width, height=height)


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a picture. Raises BadFrameError for what no camera delivers."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(jpeg)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise BadFrameError(f"no JPEG: {error}") from error
    if height * width > MAXIMUM_PIXELS:
        raise BadFrameError(f"picture of {width} x {height} pixels")
    if height < GRID_ROWS or width < GRID_COLUMNS:
        raise BadFrameError(f"picture of only {width} x {height} pixels")
    return int(width), int(height)


def small_copy(jpeg: bytes, *, rows: int) -> Pixels:
    """The picture decoded as small as it still has so many lines, for people to look at."""
    size_of(jpeg)
    return _decode(jpeg, rows=rows, columns=1)


def encode(
    pixels: Pixels, *, quality: int = 85, subsampling: str = "444", order: str = "RGB"
) -> bytes:
    """A JPEG of the picture. ``subsampling`` ``422`` or ``420``: fewer colours, half the price."""
    whole = np.ascontiguousarray(pixels)
    return bytes(
        simplejpeg.encode_jpeg(
            whole, quality=quality, colorspace=order, colorsubsampling=subsampling
        )
    )


def _decode(jpeg: bytes, *, rows: int, columns: int) -> Pixels:
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(
            jpeg, colorspace="RGB", min_height=rows, min_width=columns
        )
    except (ValueError, RuntimeError, MemoryError) as error:
        raise BadFrameError(f"no JPEG: {error}") from error
    return pixels
