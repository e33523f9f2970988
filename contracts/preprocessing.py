# SPDX-License-Identifier: Apache-2.0
"""From a decoded picture to what a model sees: one implementation for training and camera.

Everything after this (scaling to floats, normalisation, layout) is inside the model's own graph.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
_BAND = 8


def resize(rgb: Pixels, *, width: int, height: int) -> Pixels:
    """Squash a picture to ``height`` x ``width``, each output pixel the mean of what it covers.

    ``rgb`` is uint8 ``[H, W, 3]`` and so is the result. The aspect ratio is not kept: the model
    learned from pictures squashed the same way. Enlarging interpolates linearly.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"picture of {rgb.dtype} {rgb.shape}; expected uint8 [H, W, 3]")
    rows, columns = int(rgb.shape[0]), int(rgb.shape[1])
    if (rows, columns) == (height, width):
        return rgb
    lines = rgb.reshape(rows, columns * 3)
    # Band by band: each band fits into the processor's cache, and zeros are not multiplied.
    tall = np.empty((height, columns * 3), dtype=np.float32)
    for first, last, top, bottom, weights in _bands(rows, height):
        np.matmul(weights, lines[top:bottom].astype(np.float32), out=tall[first:last])
    small = np.empty((height, width * 3), dtype=np.float32)
    # Colours are interleaved; weights laid out the same way avoid transposing the picture twice.
    for first, last, left, right, weights in _colour_bands(columns, width):
        np.matmul(tall[:, left:right], weights, out=small[:, first:last])
    # Weights are positive and add up to 1, so nothing leaves 0 to 255.
    return np.rint(small, out=small).astype(np.uint8).reshape(height, width, 3)


FLIPS = ((1, 1), (-1, -1), (1, -1), (-1, 1))
"""Steps over rows and columns: as it is, flipped both ways (which turns it by 180 degrees), left
and right, up and down. Two flips differ most in what they tell, so the first two are these."""


def flipped(rgb: Pixels, number: int) -> Pixels:
    """A picture ``[H, W, 3]``, or several, flipped by the flip of this number, in turns.

    A model whose card says ``flips`` is shown all: a camera flips the frames of an item in turns,
    and the answer to a single photo is the mean over ``FLIPS``.
    """
    down, across = FLIPS[number % len(FLIPS)]
    result = np.empty_like(rgb)
    # Colour by colour takes a sixth of the time of one copy: the inner loop is a row, not a pixel.
    for colour in range(rgb.shape[-1]):
        result[..., colour] = rgb[..., ::down, ::across, colour]
    return result


def decode_divisor(*, columns: int, rows: int, width: int, height: int) -> int:
    """The divisor by which a JPEG of ``columns`` x ``rows`` is scaled down: 1, 2, 4 or 8.

    It is the largest at which the picture still has the model's ``width`` x ``height``. Training
    and camera must use the same one, or the model sees other pixels than it was trained on
    (Pillow's ``draft("RGB", (width, height))`` follows the same rule).
    """
    room = min(columns // width, rows // height)
    return next(divisor for divisor in (8, 4, 2, 1) if room >= divisor or divisor == 1)


_Bands = tuple[tuple[int, int, int, int, NDArray[np.float32]], ...]


@lru_cache(maxsize=16)
def _bands(size: int, target: int) -> _Bands:
    """Output lines ``first:last``, the input lines that contribute to them, and their weights."""
    weights = _weights(size, target)
    bands = []
    for first in range(0, target, _BAND):
        block = weights[first : first + _BAND]
        used = np.flatnonzero(block.any(axis=0))
        start, stop = int(used[0]), int(used[-1]) + 1
        part = np.ascontiguousarray(block[:, start:stop])
        bands.append((first, first + len(block), start, stop, part))
    return tuple(bands)


@lru_cache(maxsize=16)
def _colour_bands(size: int, target: int) -> _Bands:
    """The same for columns of three values each; weights are ``[input, output]``."""
    three = np.eye(3, dtype=np.float32)
    return tuple(
        (3 * first, 3 * last, 3 * start, 3 * stop, np.ascontiguousarray(np.kron(part, three).T))
        for first, last, start, stop, part in _bands(size, target)
    )


def _weights(size: int, target: int) -> NDArray[np.float32]:
    """Matrix ``[target, size]`` of the weight of each input line in each output line.

    A triangle filter as wide as the reduction, as Pillow's BILINEAR is.
    """
    scale = max(size / target, 1.0)
    centres = (np.arange(target) + 0.5) * size / target
    distances = np.abs(np.arange(size)[None, :] + 0.5 - centres[:, None]) / scale
    weights = np.clip(1.0 - distances, 0.0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
