# SPDX-License-Identifier: Apache-2.0
"""The cut: the part of a frame that a model looks at. Camera, training and evaluation share it.

Turns a box around what differs from the empty view (``contracts.empty_view``) into model input::

    box = item_box(grid(empty), grid(frame), columns=1280, rows=720)  # contracts.empty_view
    region = rule.region(box, columns=1280, rows=720, width=224, height=224)
    pixels = cut(frame, region, width=224, height=224)  # uint8 [224, 224, 3]

``rule`` is the model card's (``ModelCard.cut_rule()``). A card without one belongs to a model
trained on whole photos only: its region is always ``whole(columns, rows)``. Any model uses that
region if the empty view is unknown. ``frame`` may be the JPEG decoded at full size or scaled down
during decoding: ``decode_divisor`` returns the divisor, which ``cut`` takes as ``divisor``.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from contracts import preprocessing
from contracts.preprocessing import Pixels, resize

SCHEMA = 1
BLOCK = 8
"""Regions are aligned to JPEG blocks, so that they have whole pixels at every scale."""
MOST_DECODED = 320_000
"""Pixels of the largest frame that is decoded finer than usual for a small region: 640 x 480.

Up to this size the finer scale costs less than the smaller resize saves. For larger frames the
usual scale has enough detail: a third of a 1080p frame's width is still 160 pixels.
"""
_ALLOWED = {"margin": (0.0, 1.0), "least": (0.0, 1.0), "stretch": (1.0, 4.0)}


class Box(NamedTuple):
    """A rectangle in a frame's pixels; ``right`` and ``bottom`` are the first ones outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


def whole(columns: int, rows: int) -> Box:
    """The region that is the whole frame."""
    return Box(0, 0, columns, rows)


@dataclass(frozen=True, kw_only=True)
class CutRule:
    """How a model's regions are made; ``cut`` in ``model.json``.

    ``margin`` is added on each side of what differs, as a share of its longer side, and clipped at
    the frame's edge. ``least`` is the region's smallest width and height, as a share of the
    frame's. ``stretch`` is the largest ratio between the scales in the two directions. At 4/3 a
    region is distorted no more than a 4:3 photo that is squashed to a square input, as in training.
    """

    margin: float = 0.06
    least: float = 1 / 6
    stretch: float = 4 / 3

    def region(self, box: Box | None, *, columns: int, rows: int, width: int, height: int) -> Box:
        """The region of a ``columns`` x ``rows`` frame to cut out for an input ``width`` x
        ``height``.

        ``box``: what differs from the empty view; None for the whole frame. The region grows until
        it satisfies ``least`` and ``stretch``, and is moved inside the frame if it crosses the
        edge. If the frame has no room, the longer direction is shortened instead, so ``stretch``
        always holds. Regions consist of whole blocks of 8 pixels (the last may be smaller).
        """
        if box is None:
            return whole(columns, rows)
        margin = self.margin * max(box.width, box.height)
        across, down = -(-columns // BLOCK), -(-rows // BLOCK)
        left, right = _blocks(box.left - margin, box.right + margin, across)
        top, bottom = _blocks(box.top - margin, box.bottom + margin, down)
        # Blocks of width per block of height if both directions shrink alike.
        even = width / height
        wide = max(right - left, math.ceil(self.least * across))
        tall = max(bottom - top, math.ceil(self.least * down))
        wide, tall = (
            max(wide, math.ceil(tall * even / self.stretch - _NEARLY)),
            max(tall, math.ceil(wide / even / self.stretch - _NEARLY)),
        )
        wide, tall = min(wide, across), min(tall, down)
        widest, tallest = tall * even * self.stretch, wide / even * self.stretch
        if wide > widest + _NEARLY:
            wide = max(int(widest + _NEARLY), 1)
        elif tall > tallest + _NEARLY:
            tall = max(int(tallest + _NEARLY), 1)
        left, right = _around(left, right, wide, across)
        top, bottom = _around(top, bottom, tall, down)
        return Box(
            left * BLOCK, top * BLOCK, min(right * BLOCK, columns), min(bottom * BLOCK, rows)
        )

    def to_json(self) -> dict[str, Any]:
        """The value of ``cut`` in ``model.json``; ``from_json`` turns it into an equal rule."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "CutRule":
        """Read the value of ``cut``; unknown keys are ignored. Raises ValueError naming the key."""
        if document.get("schema") != SCHEMA:
            found = document.get("schema")
            raise ValueError(f"key 'cut.schema': {found!r}; this version reads {SCHEMA}")
        values = {}
        for key, (least, most) in _ALLOWED.items():
            value = document.get(key)
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not least <= value <= most
            ):
                raise ValueError(f"key 'cut.{key}': {value!r}; allowed: {least:g} to {most:g}")
            values[key] = float(value)
        return cls(**values)


_NEARLY = 1e-6
"""4 / 3 of 3 is 4."""


def decode_divisor(region: Box, *, columns: int, rows: int, width: int, height: int) -> int:
    """The divisor by which a frame's JPEG is scaled down during decoding: 1, 2, 4 or 8.

    It is the largest at which the region still has the input's ``width`` x ``height``. For a region
    smaller than the frame, the scale is limited so that the frame has at most ``MOST_DECODED``
    pixels, but it is never coarser than for the whole frame. For the whole frame the result is
    ``preprocessing.decode_divisor``.
    """
    coarsest = preprocessing.decode_divisor(columns=columns, rows=rows, width=width, height=height)
    wanted = preprocessing.decode_divisor(
        columns=region.width, rows=region.height, width=width, height=height
    )
    divisor = min(wanted, coarsest)
    while divisor < coarsest and -(-columns // divisor) * -(-rows // divisor) > MOST_DECODED:
        divisor *= 2
    return divisor


def cut(frame: Pixels, region: Box, *, width: int, height: int, divisor: int = 1) -> Pixels:
    """The region of a frame as the model sees it: uint8 ``[height, width, 3]``.

    ``frame`` was decoded at 1/``divisor``; ``region`` is in pixels of the full-size frame.
    """
    part = frame[
        region.top // divisor : -(-region.bottom // divisor),
        region.left // divisor : -(-region.right // divisor),
    ]
    return resize(np.ascontiguousarray(part), width=width, height=height)


def _blocks(start: float, end: float, count: int) -> tuple[int, int]:
    """The blocks that a range of pixels touches, inside the frame."""
    first = min(max(math.floor(start / BLOCK), 0), count - 1)
    return first, min(max(math.ceil(end / BLOCK), first + 1), count)


def _around(start: int, end: int, size: int, count: int) -> tuple[int, int]:
    """``size`` blocks about the middle of ``start`` to ``end``, moved inside ``count``."""
    first = min(max((start + end - size + 1) // 2, 0), count - size)
    return first, first + size
