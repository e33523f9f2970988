# SPDX-License-Identifier: Apache-2.0
"""Which part of the view is looked at: where the item is, steady over its frames."""

import numpy as np

from camera.vision.presence_detector import Presence
from contracts.cut import Box
from contracts.empty_view import Cells, box_of

_SAME_PLACE = 0.6
"""What two boxes share, as a share of both together, for the second to be the first one still."""


class Focus:
    """Follows one of the things in view; ``cells`` are the ones it takes up.

    It stays with the thing that it was at, unless that is told to be of no interest any more; of
    several new ones it takes the largest. The box is as large as the cells were together while the
    view was still, so that a cell at the edge that comes and goes moves nothing; whatever moves is
    followed from frame to frame.
    """

    def __init__(self) -> None:
        self._box: Box | None = None
        self._size = (0, 0)
        self._still = False
        self.cells: Cells | None = None

    def follow(
        self, things: list[Cells], presence: Presence, *, columns: int, rows: int
    ) -> Box | None:
        """Where to look in a frame of ``columns`` x ``rows``; None where nothing is in view."""
        if not things:
            self.forget()
            return None
        if (columns, rows) != self._size:
            # A folder of photos: pixels of another size are other pixels.
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
        """From the next frame on, look at this one."""
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
