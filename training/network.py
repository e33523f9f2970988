# SPDX-License-Identifier: Apache-2.0
"""The network that is trained, and the one that is deployed around it."""

import torch
from torch import Tensor, nn

from training.networks.compact import compact as build
from training.networks.contract import Normalised

__all__ = ["Deployed", "Normalised", "build"]


class Deployed(nn.Module):
    """The contract's graph: uint8 [1, H, W, 3] RGB in, probabilities [1, classes] out."""

    def __init__(self, normalised: Normalised) -> None:
        super().__init__()
        self.normalised = normalised

    def forward(self, picture: Tensor) -> Tensor:
        return torch.softmax(self.normalised(picture.permute(0, 3, 1, 2).float()), dim=1)
