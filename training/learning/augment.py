# SPDX-License-Identifier: Apache-2.0
"""Varies training photos: trash lies any way round, in any light, not always in the middle."""

import math

import torch
from torch import Tensor
from torch.nn import functional

_ASPECT = (3 / 4, 4 / 3)


def augment(
    batch: Tensor, *, size: int, generator: torch.Generator, smallest_crop: float = 0.5
) -> Tensor:
    """uint8 [N, H, W, 3] of any size -> float [N, 3, size, size] in 0 to 255, each one varied.

    The same generator state gives the same variations on every device: chance is drawn on the CPU.
    """
    count, device = batch.shape[0], batch.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(count, *shape, generator=generator) * (high - low) + low
        return drawn.to(device)

    def coin() -> Tensor:
        return (torch.randint(0, 2, (count,), generator=generator) * 2.0 - 1.0).to(device)

    area, log_aspect = (
        uniform(smallest_crop, 1.0),
        uniform(math.log(_ASPECT[0]), math.log(_ASPECT[1])),
    )
    width = (area * log_aspect.exp()).sqrt().clamp(max=1)
    height = (area / log_aspect.exp()).sqrt().clamp(max=1)
    shift_x, shift_y = uniform(-1, 1) * (1 - width), uniform(-1, 1) * (1 - height)
    # One affine map per photo crops, flips and, for a quarter of them, swaps the axes.
    across, along = width * coin(), height * coin()
    swap = uniform(0, 1) < 0.25
    zero = torch.zeros(count, device=device)
    upper = torch.stack([torch.where(swap, zero, across), torch.where(swap, across, zero), shift_x])
    lower = torch.stack([torch.where(swap, along, zero), torch.where(swap, zero, along), shift_y])
    maps = torch.stack([upper, lower]).permute(2, 0, 1)
    grid = functional.affine_grid(maps, [count, 3, size, size], align_corners=False)
    pictures = batch.permute(0, 3, 1, 2).float()
    pictures = functional.grid_sample(
        pictures, grid, padding_mode="reflection", align_corners=False
    )

    brightness, tint = uniform(0.7, 1.3, 1, 1, 1), uniform(0.93, 1.07, 3, 1, 1)
    contrast, saturation = uniform(0.75, 1.25, 1, 1, 1), uniform(0.7, 1.3, 1, 1, 1)
    pictures = pictures * brightness * tint
    middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = middle + (pictures - middle) * contrast
    grey = pictures.mean(dim=1, keepdim=True)
    return (grey + (pictures - grey) * saturation).clamp(0, 255)
