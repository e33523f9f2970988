# SPDX-License-Identifier: Apache-2.0
"""Augments training photos: rotation, crops, light and colour."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.learning.placing import Items, place

_ASPECT = (3 / 4, 4 / 3)


@dataclass(frozen=True)
class Placing:
    """``share`` of a batch's photos are shown as if cut out of a view, on one of ``grounds``."""

    share: float
    items: Items
    grounds: Tensor


def augment(
    batch: Tensor,
    *,
    size: int,
    generator: torch.Generator,
    smallest_crop: float = 0.5,
    placing: Placing | None = None,
) -> Tensor:
    """uint8 [N, H, W, 3] of any size -> float [N, 3, size, size] in 0 to 255, each one varied.

    The same generator state gives the same variations on every device: random numbers are drawn on
    the CPU.
    """
    if placing is None or placing.share == 0:
        return _lit(_cropped(batch, size, generator, smallest_crop), generator)
    chosen = torch.rand(len(batch), generator=generator) < placing.share
    frames, cuts = (torch.nonzero(one).flatten().to(batch.device) for one in (~chosen, chosen))
    parts = []
    if len(frames):
        parts.append(_cropped(batch[frames], size, generator, smallest_crop))
    if len(cuts):
        items = placing.items.of(cuts)
        parts.append(place(batch[cuts], items, placing.grounds, size=size, generator=generator))
    order = torch.argsort(torch.cat([frames, cuts]))
    return _lit(torch.cat(parts)[order], generator)


def _cropped(batch: Tensor, size: int, generator: torch.Generator, smallest_crop: float) -> Tensor:
    """Pieces of the photos, stretched, mirrored and, a quarter of them, turned."""
    count, device = batch.shape[0], batch.device

    def uniform(low: float, high: float) -> Tensor:
        drawn = torch.rand(count, generator=generator) * (high - low) + low
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
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def _lit(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Vary the light: brightness, tint, contrast and saturation."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(len(pictures), *shape, generator=generator) * (high - low) + low
        return drawn.to(pictures.device)

    brightness, tint = uniform(0.7, 1.3, 1, 1, 1), uniform(0.93, 1.07, 3, 1, 1)
    contrast, saturation = uniform(0.75, 1.25, 1, 1, 1), uniform(0.7, 1.3, 1, 1, 1)
    pictures = pictures * brightness * tint
    middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = middle + (pictures - middle) * contrast
    grey = pictures.mean(dim=1, keepdim=True)
    return (grey + (pictures - grey) * saturation).clamp(0, 255)
