# SPDX-License-Identifier: Apache-2.0
"""From a decoded picture to what a model sees: one implementation for training and camera.

Everything after this (scaling to floats, normalisation, layout) is inside the model's own graph.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


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
    tall = _weights(rows, height) @ rgb.reshape(rows, columns * 3).astype(np.float32)
    tall = tall.reshape(height, columns, 3).transpose(1, 0, 2).reshape(columns, height * 3)
    small = (_weights(columns, width) @ tall).reshape(width, height, 3).transpose(1, 0, 2)
    pixels: Pixels = np.clip(np.rint(small), 0, 255).astype(np.uint8)
    return pixels


@lru_cache(maxsize=16)
def _weights(size: int, target: int) -> NDArray[np.float32]:
    """Matrix ``[target, size]`` of how much each input line counts in each output line.

    A triangle filter as wide as the reduction, as Pillow's BILINEAR is.
    """
    scale = max(size / target, 1.0)
    centres = (np.arange(target) + 0.5) * size / target
    distances = np.abs(np.arange(size)[None, :] + 0.5 - centres[:, None]) / scale
    weights = np.clip(1.0 - distances, 0.0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
