# SPDX-License-Identifier: Apache-2.0
"""The cut: which part of a frame a model looks at, one definition for camera, training, evaluation.

From where something differs (``contracts.empty_view``: a box in the frame's pixels) to the model's
input::

    box = item_box(grid(empty), grid(frame), columns=1280, rows=720)  # contracts.empty_view
    region = rule.region(box, columns=1280, rows=720, width=224, height=224)
    pixels = cut(frame, region, width=224, height=224)  # uint8 [224, 224, 3]

``rule`` is the model card's (``ModelCard.cut_rule()``). A card without one is of a model that
learned whole photos only: its region is always ``whole(columns, rows)``. So is any model's where
the empty view is not known. ``frame`` may be the decoded JPEG, or one that was scaled down while
it was decoded: ``decode_divisor`` says how far, and ``cut`` takes it as ``divisor``.
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
"""A region begins and ends at the blocks of a JPEG, so that it has whole pixels at every scale."""
MOST_DECODED = 320_000
"""Pixels of a frame that is decoded finer than usual for a small region: what 640 x 480 has.

Up to here the finer scale costs less than the smaller resize saves. Of larger frames the usual
scale has detail enough: a third of a 1080p frame's width still is 160 pixels there.
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

    ``margin`` is left on each side of what differs, as a share of its longer side; the frame's
    edge clips it. ``least`` is the region's smallest width and height, as a share of the frame's.
    ``stretch``: a region is squashed to the input at most so much more in one direction than in
    the other. 4/3 is what a 4:3 photo undergoes on its way into a square input, so training does
    not distort less, in both directions.
    """

    margin: float = 0.06
    least: float = 1 / 6
    stretch: float = 4 / 3

    def region(self, box: Box | None, *, columns: int, rows: int, width: int, height: int) -> Box:
        """What to cut out of a frame of ``columns`` x ``rows`` for an input ``width`` x ``height``.

        ``box``: what differs from the empty view; None for the whole frame. The region grows to
        what ``least`` and ``stretch`` ask for and is moved inside the frame where that crosses its
        edge. Where the frame has no room to grow, the longer direction is cut shorter instead:
        nothing is ever distorted more. All in whole blocks of 8 pixels (the last may be smaller).
        """
        if box is None:
            return whole(columns, rows)
        margin = self.margin * max(box.width, box.height)
        across, down = -(-columns // BLOCK), -(-rows // BLOCK)
        left, right = _blocks(box.left - margin, box.right + margin, across)
        top, bottom = _blocks(box.top - margin, box.bottom + margin, down)
        # Blocks of width for one of height, where both directions shrink alike.
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
        """The value of ``cut`` in ``model.json``; reading it gives an equal rule."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "CutRule":
        """Read it. Raises ValueError naming the key; keys that are not known are left out."""
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
    """How far a frame's JPEG is scaled down while it is decoded for this region: 1, 2, 4 or 8.

    As far as the region still has the input's ``width`` x ``height``; a region smaller than the
    frame is not decoded finer than ``MOST_DECODED`` pixels of the whole frame allow, nor coarser
    than the frame itself. For the whole frame it is ``preprocessing.decode_divisor``.
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

    ``frame`` was decoded at 1/``divisor``; ``region`` is in the pixels of the undivided frame.
    """
    part = frame[
        region.top // divisor : -(-region.bottom // divisor),
        region.left // divisor : -(-region.right // divisor),
    ]
    return resize(np.ascontiguousarray(part), width=width, height=height)


def _blocks(start: float, end: float, count: int) -> tuple[int, int]:
    """The blocks that a stretch of pixels touches, inside the frame."""
    first = min(max(math.floor(start / BLOCK), 0), count - 1)
    return first, min(max(math.ceil(end / BLOCK), first + 1), count)


def _around(start: int, end: int, size: int, count: int) -> tuple[int, int]:
    """``size`` blocks about the middle of ``start`` to ``end``, moved inside ``count``."""
    first = min(max((start + end - size + 1) // 2, 0), count - size)
    return first, first + size
