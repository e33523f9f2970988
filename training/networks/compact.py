# SPDX-License-Identifier: Apache-2.0
"""A small network that learns from scratch, for rehearsals and if no weights are available."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.networks.base import Network

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
WIDTH = 24


class _Block(nn.Module):
    """Two 3x3 convolutions and a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, pictures: Tensor) -> Tensor:
        activated: Tensor = self.activation(self.body(pictures) + self.shortcut(pictures))
        return activated


class CompactResNet(nn.Module):
    """A residual network of 0.7 million weights that learns from scratch in minutes on a CPU.

    Its answer draws on every level, from colours and edges to whole shapes: with a few hundred
    photos the early levels carry most of what can be learned.
    """

    def __init__(self, classes: int, *, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        widths = (width, width, 2 * width, 4 * width, 8 * width)
        self.blocks = nn.ModuleList(
            _Block(inputs, outputs, 2) for inputs, outputs in pairwise(widths)
        )
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(2 * sum(widths[1:]), classes))

    def forward(self, pictures: Tensor) -> Tensor:
        level = self.stem(pictures)
        seen = []
        for block in self.blocks:
            level = block(level)
            # Mean and maximum: how much of a feature there is, and whether it is present anywhere.
            seen.append(functional.adaptive_avg_pool2d(level, 1).flatten(1))
            seen.append(functional.adaptive_max_pool2d(level, 1).flatten(1))
        scores: Tensor = self.head(torch.cat(seen, dim=1))
        return scores


def compact(classes: int) -> Network:
    """The network for this many classes, with random weights."""
    network = CompactResNet(classes, width=WIDTH)
    blocks = ("stem", *(f"blocks.{index}" for index in range(len(network.blocks))))
    return Network(
        network,
        mean=MEAN,
        deviation=DEVIATION,
        float_modules=("stem",),
        blocks=blocks,
        head="head",
    )
