# SPDX-License-Identifier: Apache-2.0
"""Turns JPEG bytes into input for the gate and the model, decoding as few pixels as possible."""

from typing import NamedTuple

import numpy as np
import simplejpeg

from contracts.cut import BLOCK, Box, cut, decode_divisor, whole
from contracts.empty_view import GRID_COLUMNS, GRID_ROWS, Grid, grid
from contracts.jpeg_pixels import DamagedJpegError, stored_pixels, stored_size
from contracts.orientation import lies_on_its_side, orientation_of, turned
from contracts.photo_rules import file_problem, frame_problem, size_problem
from contracts.preprocessing import Pixels

Thumbnail = Grid


class BadFrameError(ValueError):
    """These bytes are not a usable picture; the frame is skipped and counted."""


class Decoded(NamedTuple):
    """A picture, and the divisor by which it was scaled down during decoding."""

    rgb: Pixels
    divisor: int


def thumbnail(jpeg: bytes, *, picture: Decoded | None = None) -> Thumbnail:
    """Mean colours (``contracts.empty_view.grid``), decoded at 1/8 scale where possible.

    ``picture``: the picture, if it is already decoded.
    """
    columns, rows = size_of(jpeg)
    small = -(-rows // BLOCK) < GRID_ROWS or -(-columns // BLOCK) < GRID_COLUMNS
    if small:
        return grid(_decode(jpeg, rows=rows, columns=columns))
    if picture is not None:
        return grid(picture.rgb, divisor=picture.divisor)
    return grid(_decode(jpeg, rows=GRID_ROWS, columns=GRID_COLUMNS), divisor=BLOCK)


def scale_for(region: Box | None, *, columns: int, rows: int, width: int, height: int) -> int:
    """The divisor at which to decode a frame of ``columns`` x ``rows`` for a region."""
    return decode_divisor(
        region or whole(columns, rows), columns=columns, rows=rows, width=width, height=height
    )


def decoded(jpeg: bytes, *, divisor: int) -> Decoded:
    """The picture at 1/``divisor``."""
    columns, rows = size_of(jpeg)
    return Decoded(_decode(jpeg, rows=-(-rows // divisor), columns=-(-columns // divisor)), divisor)


def model_input(jpeg: bytes, *, width: int, height: int, region: Box | None = None) -> Pixels:
    """A region (None: all) of the picture as the model learned to see it: RGB, squashed."""
    columns, rows = size_of(jpeg)
    divisor = scale_for(region, columns=columns, rows=rows, width=width, height=height)
    picture = decoded(jpeg, divisor=divisor)
    part = region or whole(columns, rows)
    return cut(picture.rgb, part, width=width, height=height, divisor=divisor)


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a picture as it is shown, upright.

    Raises BadFrameError with the message of ``contracts.photo_rules`` for a refused picture.
    """
    if problem := file_problem(jpeg) or frame_problem(jpeg):
        raise BadFrameError(problem)
    try:
        width, height = stored_size(jpeg)
    except DamagedJpegError as error:
        raise BadFrameError(str(error)) from error
    if problem := size_problem(width, height):
        raise BadFrameError(problem)
    if lies_on_its_side(orientation_of(jpeg)):
        height, width = width, height
    return width, height


def small_copy(jpeg: bytes, *, rows: int) -> Pixels:
    """The picture at the smallest scale that still has this many lines, for people to look at."""
    size_of(jpeg)
    return _decode(jpeg, rows=rows, columns=1)


def encode(
    pixels: Pixels, *, quality: int = 85, subsampling: str = "444", order: str = "RGB"
) -> bytes:
    """A JPEG of the picture. ``subsampling`` ``422`` or ``420``: less chroma, half the cost."""
    whole = np.ascontiguousarray(pixels)
    return bytes(
        simplejpeg.encode_jpeg(
            whole, quality=quality, colorspace=order, colorsubsampling=subsampling
        )
    )


def _decode(jpeg: bytes, *, rows: int, columns: int) -> Pixels:
    orientation = orientation_of(jpeg)
    if lies_on_its_side(orientation):
        rows, columns = columns, rows
    try:
        pixels = stored_pixels(jpeg, rows=rows, columns=columns)
    except DamagedJpegError as error:
        raise BadFrameError(str(error)) from error
    return turned(pixels, orientation)
