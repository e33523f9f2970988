# SPDX-License-Identifier: Apache-2.0
"""The part of the view that the model looks at: the item's place, steady over its frames."""

import numpy as np

from camera.vision.presence_detector import Presence
from contracts.cut import Box
from contracts.empty_view import Cells, box_of

_SAME_PLACE = 0.6
"""Minimum intersection over union of two boxes that count as the same."""


class Focus:
    """Follows one of the things in view; ``cells`` are those that it covers.

    It stays with the current thing until ``turn_to`` or ``forget``; of several new things it takes
    the largest. The box covers all cells of the thing since the view became still, so that
    flickering cells at the edge do not move it; a moving thing is followed from frame to frame.
    """

    def __init__(self) -> None:
        self._box: Box | None = None
        self._size = (0, 0)
        self._still = False
        self.cells: Cells | None = None

    def follow(
        self, things: list[Cells], presence: Presence, *, columns: int, rows: int
    ) -> Box | None:
        """The box in a frame of ``columns`` x ``rows``; None if nothing is in view."""
        if not things:
            self.forget()
            return None
        if (columns, rows) != self._size:
            # Photos in a folder may differ in size, so old boxes do not apply.
            self._box, self._size = None, (columns, rows)
        thing = self._of_interest(things)
        box = box_of(thing, columns=columns, rows=rows)
        settled = presence.still and not self._still
        if box is not None and self._box is not None and not settled:
            both = _around(box, self._box)
            if _area(_common(box, self._box)) >= _SAME_PLACE * _area(both):
                box = both
        self._box, self._still, self.cells = box, presence.still, thing
        return box

    def turn_to(self, thing: Cells) -> None:
        """Follow this thing from the next frame on."""
        self.cells, self._box = thing, None

    def forget(self) -> None:
        """Nothing is in view."""
        self._box = self.cells = None
        self._still = False

    def _of_interest(self, things: list[Cells]) -> Cells:
        if self.cells is None:
            return things[0]
        shared = [int(np.sum(thing & self.cells)) for thing in things]
        return things[int(np.argmax(shared))]


def _around(one: Box, other: Box) -> Box:
    return Box(
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )


def _common(one: Box, other: Box) -> Box:
    return Box(
        max(one.left, other.left),
        max(one.top, other.top),
        min(one.right, other.right),
        min(one.bottom, other.bottom),
    )


def _area(box: Box) -> int:
    return max(box.width, 0) * max(box.height, 0)
