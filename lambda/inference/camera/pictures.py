# SPDX-License-Identifier: Apache-2.0
"""JPEG bytes to what the gate and the model look at, decoding no more pixels than needed."""

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from contracts.preprocessing import Pixels, decode_divisor, resize

GRID_ROWS, GRID_COLUMNS = 18, 24
MAXIMUM_PIXELS = 50_000_000
"""A damaged header can claim any size; memory stays bounded all the same."""

Thumbnail = NDArray[np.float32]


class BadFrameError(ValueError):
    """These bytes are no usable picture; the frame is skipped and counted."""


def thumbnail(jpeg: bytes) -> Thumbnail:
    """Mean colour in a coarse grid ``[rows, columns, 3]``, decoded at 1/8 scale where possible.

    Colour and not brightness alone: a green bottle on a grey table can be exactly as bright.
    """
    size_of(jpeg)
    rgb = _decode(jpeg, rows=GRID_ROWS, columns=GRID_COLUMNS).astype(np.float32)
    rows = _pool(rgb, GRID_ROWS)
    return _pool(rows.transpose(1, 0, 2), GRID_COLUMNS).transpose(1, 0, 2)


def model_input(jpeg: bytes, *, width: int, height: int) -> Pixels:
    """The picture as the model learned to see it: RGB, squashed to ``height`` x ``width``.

    Decoded at the scale that training decodes at, so that both see the same pixels.
    """
    columns, rows = size_of(jpeg)
    divisor = decode_divisor(columns=columns, rows=rows, width=width, height=height)
    rgb = _decode(jpeg, rows=-(-rows // divisor), columns=-(-columns // divisor))
    return resize(rgb, width=width, height=height)


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


def encode(rgb: Pixels, *, quality: int = 85) -> bytes:
    """A JPEG of the picture."""
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality=quality))


def _decode(jpeg: bytes, *, rows: int, columns: int) -> Pixels:
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(
            jpeg, colorspace="RGB", min_height=rows, min_width=columns
        )
    except (ValueError, RuntimeError, MemoryError) as error:
        raise BadFrameError(f"no JPEG: {error}") from error
    return pixels


def _pool(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Mean over ``count`` about equal groups of lines."""
    edges = np.linspace(0, values.shape[0], count + 1).astype(np.intp)
    sums = np.add.reduceat(values, edges[:-1], axis=0)
    return np.asarray(sums / np.diff(edges)[:, None, None], dtype=np.float32)
