# SPDX-License-Identifier: Apache-2.0
"""The networks that can be trained, exported and quantised; ``presets`` says how each is trained.

Light to import: torch and transformers come with ``build``.
"""

from typing import TYPE_CHECKING

from training.networks.presets import NAMES, PRETRAINED
from training.sagemaker_job import StepError

if TYPE_CHECKING:
    from training.networks.base import Network
    from training.networks.weights import FoundWeights

__all__ = ["NAMES", "PRETRAINED", "build"]


def build(name: str, classes: int, *, weights: "FoundWeights | None" = None) -> "Network":
    """The network of this name: RGB 0..255 [N, 3, H, W] in, scores out."""
    if name not in NAMES:
        raise StepError(f"hyperparameter network = {name!r}; allowed: {', '.join(NAMES)}")
    if name == "compact":
        from training.networks.compact import compact  # noqa: PLC0415

        return compact(classes)
    from training.networks.transformers_models import library_network  # noqa: PLC0415

    return library_network(name, classes, weights)
