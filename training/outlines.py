# SPDX-License-Identifier: Apache-2.0
"""Estimates where the item is on a photo from the photo alone; no masks are needed.

A photo whose border is of one colour, but for a slope of light, shows an item on a plain ground:
what differs from that ground is the item. In any other photo, the whole picture counts as the item.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from contracts.preprocessing import resize

_SIDE = 96
_BORDER = 5
_PLAIN = 7.0
"""Levels of 255 that half of a plain border stays within."""
_DIFFERS, _NOISE = 16.0, 4.0
_TOUCHED = 0.4
"""Share of the border that an item may cover."""
_AREA = (0.02, 0.92)
_ROUNDS = 4

Outline = NDArray[np.uint8]
"""0 where the ground is, 255 where the item is: [96, 96]."""


@dataclass(frozen=True)
class Outlined:
    """The items on some photos.

    ``masks`` uint8 [N, 96, 96]; ``boxes`` float32 [N, 4]: left, top, right, bottom of the item,
    as shares of the photo; ``cut_out`` bool [N]: whether the mask is more than a rectangle;
    ``grounds`` float32 [N, 3]: colour of the border.
    """

    masks: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    cut_out: NDArray[np.bool_]
    grounds: NDArray[np.float32]


def outline(photo: NDArray[np.uint8]) -> tuple[Outline | None, NDArray[np.float32]]:
    """The item's mask on a photo uint8 [H, W, 3], on a plain ground; the ground's colour."""
    small = resize(photo, width=_SIDE, height=_SIDE).astype(np.float32)
    ring = np.ones((_SIDE, _SIDE), bool)
    ring[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    basis = np.stack([np.ones_like(x), x, y, x * y], axis=2).astype(np.float32)
    inside, values = basis[ring], small[ring]
    weights = np.ones(len(values), np.float32)
    planes = np.zeros((4, 3), np.float32)
    left = np.abs(values - np.median(values, axis=0)).max(axis=1)
    for _ in range(_ROUNDS):
        weights = 1 / (1 + (left / (1.5 * np.median(left) + 2)) ** 2)
        root = weights[:, None]
        planes = np.linalg.lstsq(inside * root, values * root, rcond=None)[0].astype(np.float32)
        left = np.abs(values - inside @ planes).max(axis=1)
    colour = np.asarray(np.clip(planes[0], 0, 255), np.float32)
    typical = float(np.median(left))
    limit = max(_DIFFERS, _NOISE * typical)
    if typical > _PLAIN or float(np.mean(left > limit)) > _TOUCHED:
        return None, colour
    apart = np.abs(small - basis @ planes).max(axis=2) > limit
    mask = ndimage.binary_closing(np.pad(apart, 4), iterations=2)[4:-4, 4:-4]
    mask = ndimage.binary_fill_holes(ndimage.binary_opening(mask))
    labels, count = ndimage.label(mask)
    if count:
        areas = ndimage.sum_labels(mask, labels, np.arange(1, count + 1))
        mask = np.isin(labels, 1 + np.flatnonzero(areas >= 0.1 * areas.max()))
    if not _AREA[0] <= float(mask.mean()) <= _AREA[1]:
        return None, colour
    return (255 * mask).astype(np.uint8), colour


def outlined(
    photos: NDArray[np.uint8], *, known: Sequence[NDArray[np.float32] | None] = ()
) -> Outlined:
    """The items on photos uint8 [N, H, W, 3].

    ``known`` has the box of an item where prepare found it on a fixed camera's view.
    """
    count = len(photos)
    masks = np.full((count, _SIDE, _SIDE), 255, np.uint8)
    boxes = np.tile(np.array([0, 0, 1, 1], np.float32), (count, 1))
    cut_out = np.zeros(count, bool)
    grounds = np.zeros((count, 3), np.float32)

    def find(index: int) -> None:
        found, grounds[index] = outline(photos[index])
        if found is not None:
            masks[index], cut_out[index] = found, True
            rows, columns = np.nonzero(found)
            edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            boxes[index] = np.array(edges, np.float32) / _SIDE
        if known and known[index] is not None:
            boxes[index] = known[index]

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(find, range(count)):
            pass
    return Outlined(masks, boxes, cut_out, grounds)
