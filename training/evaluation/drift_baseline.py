# SPDX-License-Identifier: Apache-2.0
"""What training saw, for cameras to notice that they see something else."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.picture_statistics import MEASURES, describe, spread


def reference_statistics(
    pixels: NDArray[np.uint8], probabilities: NDArray[np.float32]
) -> dict[str, Any]:
    """The card's ``statistics``: each measure over training photos at the model's size.

    ``confidence`` is that of the deployed file on validation photos, because a model is surer of
    photos that it learned from than a camera will ever see it.
    """
    described = [describe(picture) for picture in pixels]
    return {
        "photos": len(pixels),
        **{name: spread(item[name] for item in described) for name in MEASURES},
        "confidence": spread(probabilities.max(axis=1).tolist()),
    }
