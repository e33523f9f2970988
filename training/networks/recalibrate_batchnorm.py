# SPDX-License-Identifier: Apache-2.0
"""Prepares pretrained batch norms for fine-tuning on other photos."""

from typing import Any

import torch
from torch import Tensor, nn

from training.networks.base import Network

_SMALLEST_VARIANCE = 1e-6


@torch.no_grad()
def recalibrate(network: Network, pictures: Tensor, *, batch: int = 64) -> None:
    """Give every batch norm the statistics of these pictures without changing what it computes.

    Weights whose batch norms were folded into the convolutions (quantised or converted ones) have
    statistics that say nothing: training would normalise by the batch instead, and undo what the
    weights know. ``pictures`` are uint8 [N, H, W, 3].
    """
    sums: dict[str, list[Tensor]] = {}
    handles = []
    norms = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.BatchNorm2d)
    }
    for name, module in norms.items():
        handles.append(module.register_forward_pre_hook(_summing(sums, name)))
    was_training = network.training
    network.eval()
    try:
        for part in torch.split(pictures, batch):
            network(part.permute(0, 3, 1, 2).float())
    finally:
        for handle in handles:
            handle.remove()
        network.train(was_training)
    for name, module in norms.items():
        count, total, squares = sums[name]
        _move(module, total / count, squares / count)


def _summing(sums: dict[str, list[Tensor]], name: str) -> Any:
    def add(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        # In float64: the variance is a small difference of large numbers.
        values = inputs[0].double()
        count = torch.tensor(values.numel() / values.shape[1], dtype=torch.float64)
        parts = [count, values.sum((0, 2, 3)), values.square().sum((0, 2, 3))]
        known = sums.get(name)
        sums[name] = parts if known is None else [a + b for a, b in zip(known, parts, strict=True)]

    return add


def _move(module: nn.BatchNorm2d, mean: Tensor, square: Tensor) -> None:
    """New statistics, and the scale and shift that make up for them."""
    if module.running_mean is None or module.running_var is None:
        raise TypeError("a batch norm without running statistics cannot be recalibrated")
    variance = (square - mean.square()).clamp(min=_SMALLEST_VARIANCE)
    old = (module.running_var.double() + module.eps).sqrt()
    scale = module.weight.double() / old
    shift = module.bias.double() - module.running_mean.double() * scale
    module.weight.copy_(scale * (variance + module.eps).sqrt())
    module.bias.copy_(shift + mean * scale)
    module.running_mean.copy_(mean)
    module.running_var.copy_(variance)
