# SPDX-License-Identifier: Apache-2.0
"""Removes differences in light between pictures of one place: brightness, colour and slope."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DARK = 6.0
"""Levels added before a logarithm is taken: near black, noise would be most of it."""
_ROUNDS, _COARSELY = 4, 4

Floats = NDArray[np.float32]


def light(model: Floats, picture: Floats) -> Floats:
    """What to multiply a picture with to see it in the model's light: a slope per colour."""
    step = slice(None, None, _COARSELY)
    ratio = np.log(model[step, step] + DARK) - np.log(picture[step, step] + DARK)
    rows, columns = ratio.shape[:2]
    fitted = planes_of(ratio.reshape(-1, 3).T, plane(rows, columns))
    whole = plane(*model.shape[:2]) @ fitted.T
    return np.asarray(np.exp(whole).reshape(model.shape), np.float32)


@lru_cache
def plane(rows: int, columns: int) -> NDArray[np.float32]:
    """Level and slopes over a picture: [cells, 3]."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    flat = [np.ones(rows * columns), x.ravel(), y.ravel()]
    return np.stack(flat, axis=1).astype(np.float32)


def planes_of(values: NDArray[np.float32], basis: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each row of ``values`` [N, cells] the plane [N, 3] that most of its cells lie on.

    What lies on a view must not tilt the light that is put aside, so it hardly counts.
    """
    planes = np.zeros((len(values), 3), np.float32)
    planes[:, 0] = np.median(values, axis=1)
    for _ in range(_ROUNDS):
        left = np.abs(values - planes @ basis.T)
        scale = 1.5 * np.median(left, axis=1, keepdims=True) + 0.01
        weights = 1 / (1 + (left / scale) ** 2) ** 2
        weighted = weights[:, :, None] * basis
        moments = np.einsum("nci,cj->nij", weighted, basis)
        targets = np.einsum("nci,nc->ni", weighted, values)
        planes = np.linalg.solve(moments, targets[:, :, None])[:, :, 0].astype(np.float32)
    return planes
