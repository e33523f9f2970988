# SPDX-License-Identifier: Apache-2.0
"""Augments photos as a camera over a tray crops an item: off centre, with a margin, on a ground.

The camera's region is a little larger than the item, in whole cells of a coarse grid, and squashed
by at most 4/3 in either direction (``contracts.cut``); sometimes it cuts off a part of the item.
The smaller the item, the fewer pixels it has, at any input size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

_Uniform: TypeAlias = Callable[[float, float], Tensor]

_FILLS = (0.55, 1.05)
"""Share of the region's side that the item takes, in its longer direction."""
_STRETCH = 4 / 3
_UNEVEN = 1.15
"""Rounding to cells makes a region wider or narrower."""
_WHOLE = 0.4
"""Share in which the photo with its background is the item, as if on a table mat."""
_CUT_OUT = 0.6
"""Share in which only the item itself is put on the ground, if its outline is known."""
_OWN = 0.4
"""Share in which the photo's own background is extended around it."""
_TURNED = 0.4
_SIDES = (1.0, 1.0, 0.7, 0.5, 0.36, 0.27)
"""Sides of the region in the frame as shares of the input's side: a fifth of the photos each."""


@dataclass(frozen=True)
class Items:
    """The items on a batch's photos; see ``training.outlines.Outlined``.

    ``masks`` uint8 [N, S, S]; ``boxes`` [N, 4]; ``cut_out`` bool [N]; ``colours`` [N, 3];
    ``aspects`` [N]: width over height of the photos, which are squashed to squares.
    """

    masks: Tensor
    boxes: Tensor
    cut_out: Tensor
    colours: Tensor
    aspects: Tensor

    def of(self, chosen: Tensor) -> "Items":
        """The items of some of the photos, by position."""
        return Items(
            self.masks[chosen],
            self.boxes[chosen],
            self.cut_out[chosen],
            self.colours[chosen],
            self.aspects[chosen],
        )

    def to(self, device: str) -> "Items":
        """The same on another device."""
        return Items(
            self.masks.to(device),
            self.boxes.to(device),
            self.cut_out.to(device),
            self.colours.to(device),
            self.aspects.to(device),
        )


def place(
    photos: Tensor, items: Items, grounds: Tensor, *, size: int, generator: torch.Generator
) -> Tensor:
    """uint8 photos [N, H, W, 3] -> float [N, 3, size, size] in 0 to 255, each on some ground.

    ``grounds`` are surfaces uint8 [M, S, S, 3]. Random numbers are drawn on the CPU, so that the
    same generator state gives the same pictures on every device.
    """
    count, device = len(photos), photos.device

    def uniform(low: float, high: float) -> Tensor:
        drawn = torch.rand(count, generator=generator) * (high - low) + low
        return drawn.to(device)

    def chance(share: float) -> Tensor:
        return uniform(0, 1) < share

    whole, sharp = chance(_WHOLE), chance(_CUT_OUT)
    sharp = sharp & ~whole & items.cut_out
    box = items.boxes.clone()
    box[whole] = torch.tensor([0.0, 0.0, 1.0, 1.0], device=device)
    middle = torch.stack([box[:, 0] + box[:, 2], box[:, 1] + box[:, 3]]) - 1
    half = torch.stack([box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]]).clamp(min=0.02)

    # The region that a camera would use for an item of this shape, and the item's share of it.
    shape = half[0] / half[1] * items.aspects
    turned = chance(_TURNED)
    shape = torch.where(turned, 1 / shape, shape)
    region = shape.clamp(1 / _STRETCH, _STRETCH) * _log_uniform(uniform, _UNEVEN)
    fills = uniform(*_FILLS)
    across = torch.where(shape > region, fills, fills * shape / region)
    down = torch.where(shape > region, fills * region / shape, fills)
    # Even thin items are at least one cell of the grid wide.
    across, down = across.clamp(min=0.15), down.clamp(min=0.15)
    shift_x = uniform(-1, 1) * (1.08 - across).clamp(min=0.05)
    shift_y = uniform(-1, 1) * (1.08 - down).clamp(min=0.05)

    # Map from the region to the photo. Turning swaps x and y.
    along_x = torch.where(turned, half[1], half[0]) / across * _sign(uniform)
    along_y = torch.where(turned, half[0], half[1]) / down * _sign(uniform)
    zero = torch.zeros(count, device=device)
    offset_x, offset_y = -along_x * shift_x, -along_y * shift_y
    straight = torch.stack(
        [along_x, zero, offset_x + middle[0], zero, along_y, offset_y + middle[1]]
    )
    swapped = torch.stack(
        [zero, along_y, offset_y + middle[0], along_x, zero, offset_x + middle[1]]
    )
    maps = torch.where(turned, swapped, straight).T.reshape(count, 2, 3)
    grid = functional.affine_grid(maps, [count, 3, size, size], align_corners=False)
    pictures = photos.permute(0, 3, 1, 2).float()
    shown = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    solid = _solid(items.masks.shape[-1], uniform(0, 0.06), device)
    outlines = torch.where(sharp[:, None, None], items.masks.float() / 255, solid)
    masks = functional.grid_sample(outlines[:, None], grid, align_corners=False)

    drawn = _grounds(grounds, count, size, generator, device)
    own = items.colours[:, :, None, None].expand_as(drawn)
    texture = drawn / drawn.mean(dim=(2, 3), keepdim=True).clamp(min=1)
    under = torch.where(chance(_OWN)[:, None, None, None], own * (0.9 + 0.1 * texture), drawn)
    # A soft shadow on one side, so that edges are not the only cue for the item's place.
    dark = functional.avg_pool2d(masks, 9, stride=1, padding=4).roll((3, 2), (2, 3))
    under = under * (1 - uniform(0, 0.35)[:, None, None, None] * dark)
    placed = masks * shown + (1 - masks) * under
    return _coarse(placed, generator)


def _log_uniform(uniform: _Uniform, most: float) -> Tensor:
    limit = torch.tensor(most).log().item()
    return uniform(-limit, limit).exp()


def _sign(uniform: _Uniform) -> Tensor:
    return torch.where(uniform(-1, 1) < 0, -1.0, 1.0)


def _solid(side: int, feather: Tensor, device: torch.device) -> Tensor:
    """A rectangle's masks [N, side, side] with an edge as soft as ``feather`` says."""
    edge = torch.linspace(0, 1, side, device=device)
    inside = torch.minimum(edge, 1 - edge)[None]
    ramp = (inside / feather[:, None].clamp(min=1e-3)).clamp(max=1)
    return torch.minimum(ramp[:, None, :], ramp[:, :, None])


def _grounds(
    grounds: Tensor, count: int, size: int, generator: torch.Generator, device: torch.device
) -> Tensor:
    """Some of the surfaces, as they are or mirrored: float [N, 3, size, size]."""
    chosen = torch.randint(len(grounds), (count,), generator=generator)
    mirrored = torch.randint(2, (count,), generator=generator).bool().to(device)
    drawn = grounds[chosen.to(grounds.device)].to(device).permute(0, 3, 1, 2).float()
    if drawn.shape[-1] != size:
        drawn = functional.interpolate(drawn, size=(size, size), mode="bilinear")
    return torch.where(mirrored[:, None, None, None], drawn.flip(3), drawn)


def _coarse(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Reduce some of the pictures to the detail of a small item in a frame."""
    size = pictures.shape[-1]
    rung = torch.randint(len(_SIDES), (len(pictures),), generator=generator)
    result = pictures
    for number, share in enumerate(_SIDES):
        chosen = torch.nonzero(rung == number).flatten().to(pictures.device)
        if share == 1 or not len(chosen):
            continue
        side = max(16, round(size * share))
        small = functional.interpolate(
            pictures[chosen], size=(side, side), mode="bilinear", antialias=True
        )
        large = functional.interpolate(small, size=(size, size), mode="bilinear")
        result = result.index_copy(0, chosen, large)
    return result
