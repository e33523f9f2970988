# SPDX-License-Identifier: Apache-2.0
"""What a picture looks like in five numbers: one definition for training and camera.

Training records in the model card what its photos looked like, and a camera compares its frames
with that. That reveals a foggy lens, a failed lamp or a camera that was moved to another hall.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

MEASURES = ("brightness", "contrast", "red", "green", "blue")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def describe(rgb: NDArray[np.uint8]) -> dict[str, float]:
    """The measures of one picture at the model's size, uint8 [H, W, 3]; each from 0 to 255.

    ``brightness`` is the mean over everything, ``contrast`` the standard deviation of the pixels'
    grey values; a channel is its mean.
    """
    # float64 sums give the same result on every machine, in whatever order its vector units add.
    grey = rgb.mean(axis=2, dtype=np.float64)
    red, green, blue = rgb.reshape(-1, 3).mean(axis=0, dtype=np.float64).tolist()
    return {
        "brightness": float(grey.mean()),
        "contrast": float(grey.std()),
        "red": red,
        "green": green,
        "blue": blue,
    }


def spread(values: Iterable[float]) -> dict[str, Any]:
    """``mean``, ``std`` and ``quantiles`` (by name, "0.05") of some numbers, rounded."""
    numbers = np.fromiter(values, dtype=np.float64)
    quantiles = np.quantile(numbers, QUANTILES)
    return {
        "mean": round(float(numbers.mean()), 4),
        "std": round(float(numbers.std()), 4),
        "quantiles": {
            str(name): round(float(value), 4)
            for name, value in zip(QUANTILES, quantiles, strict=True)
        },
    }
