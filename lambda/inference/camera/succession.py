# SPDX-License-Identifier: Apache-2.0
"""Is what is in view still the item that was decided, or has another taken its place?"""

import numpy as np
from numpy.typing import NDArray

from camera.gate import CELL_DIFFERS, Presence
from camera.pictures import Thumbnail

_CHANGED = 0.4
"""Share of the item's cells that must differ before a second look is worth its price."""
_OTHER_COLOURS = 40.0
"""Mean distance, in levels of 255, between the colours of two things that are surely not one."""
_QUANTILES = np.linspace(0.1, 0.9, 9)


class Succession:
    """Compares the settled view with the one in which the item was decided.

    An item that is turned or pushed changes the view too, so a changed view alone is a reason to
    look again, and only entirely other colours are proof.
    """

    def __init__(self) -> None:
        self._view: Thumbnail | None = None
        self._colours: NDArray[np.float32] | None = None

    def remember(self, thumbnail: Thumbnail, presence: Presence) -> None:
        """The item in this view has been decided (again)."""
        self._view, self._colours = thumbnail, _colours(thumbnail, presence)

    def changed(self, thumbnail: Thumbnail, presence: Presence) -> bool:
        """Whether the view has settled into another than the remembered one."""
        if self._view is None or not (presence.present and presence.still):
            return False
        differs = np.max(np.abs(thumbnail - self._view), axis=2) > CELL_DIFFERS
        share = float(np.sum(differs)) / max(float(np.sum(presence.cells)), 1.0)
        return bool(share > _CHANGED)

    def other_colours(self, thumbnail: Thumbnail, presence: Presence) -> bool:
        """Whether this cannot be the remembered item, however it was moved."""
        if self._colours is None:
            return False
        distance = np.mean(np.abs(_colours(thumbnail, presence) - self._colours))
        return bool(distance > _OTHER_COLOURS)

    def forget(self) -> None:
        """The item is gone."""
        self._view = self._colours = None


def _colours(thumbnail: Thumbnail, presence: Presence) -> NDArray[np.float32]:
    """How the item's colours are spread, wherever in the view it lies."""
    pixels = thumbnail[presence.cells] if presence.cells.any() else thumbnail.reshape(-1, 3)
    return np.asarray(np.quantile(pixels, _QUANTILES, axis=0), dtype=np.float32)
