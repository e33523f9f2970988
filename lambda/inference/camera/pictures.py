# SPDX-License-Identifier: Apache-2.0
"""JPEG bytes to what the gate and the model look at, decoding no more pixels than needed."""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from contracts.preprocessing import Pixels, decode_divisor, resize

GRID_ROWS, GRID_COLUMNS = 18, 24
_BLOCK = 8
"""Pixels of a JPEG's block in each direction."""
MAXIMUM_PIXELS = 50_000_000
"""A damaged header can claim any size; memory stays bounded all the same."""

Thumbnail = NDArray[np.float32]


class BadFrameError(ValueError):
    """These bytes are no usable picture; the frame is skipped and counted."""


class Decoded(NamedTuple):
    """A picture, and how far it was scaled down while it was decoded."""

    rgb: Pixels
    divisor: int


def thumbnail(jpeg: bytes, *, picture: Decoded | None = None) -> Thumbnail:
    """Mean colour in a coarse grid ``[rows, columns, 3]``, decoded at 1/8 scale where possible.

    Colour and not brightness alone: a green bottle on a grey table can be exactly as bright.
    ``picture``: the same, where it is decoded already. The cells are made of whole blocks of the
    JPEG, so that their means are the same at every scale.
    """
    columns, rows = size_of(jpeg)
    small = -(-rows // _BLOCK) < GRID_ROWS or -(-columns // _BLOCK) < GRID_COLUMNS
    if small:
        return _cells(_decode(jpeg, rows=rows, columns=columns), unit=1)
    if picture is not None:
        return _cells(picture.rgb, unit=_BLOCK // picture.divisor)
    return _cells(_decode(jpeg, rows=GRID_ROWS, columns=GRID_COLUMNS), unit=1)


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


def _cells(rgb: Pixels, *, unit: int) -> Thumbnail:
    height, width = rgb.shape[:2]
    lines = rgb.reshape(height, width * 3)
    if unit > 1 and height % unit == 0:
        # Lines of one block are added up as whole numbers first: half the price.
        sums = lines[::unit].astype(np.uint16)
        for line in range(1, unit):
            sums += lines[line::unit]
        tall = _means(height // unit, GRID_ROWS, 1) @ (sums.astype(np.float32) / np.float32(unit))
    else:
        tall = _means(height, GRID_ROWS, unit) @ lines.astype(np.float32)
    rows = tall.reshape(GRID_ROWS, width, 3)
    cells: Thumbnail = np.matmul(_means(width, GRID_COLUMNS, unit), rows)
    return cells


@lru_cache(maxsize=16)
def _means(size: int, count: int, unit: int) -> NDArray[np.float32]:
    """Matrix ``[count, size]`` that takes the mean over about equal groups of whole units."""
    edges = np.minimum(np.linspace(0, -(-size // unit), count + 1).astype(np.intp) * unit, size)
    weights = np.zeros((count, size), dtype=np.float32)
    for row, (start, end) in enumerate(pairwise(edges)):
        weights[row, start:end] = 1 / (end - start)
    return weights
