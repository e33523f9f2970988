# SPDX-License-Identifier: Apache-2.0
"""Is what is in view still the item that was decided, or has another taken its place?"""

import numpy as np
from numpy.typing import NDArray

from camera.gate import Presence
from camera.pictures import Thumbnail
from contracts.empty_view import CELL_DIFFERS

_CHANGED = 0.4
"""Share of the item's cells that must differ before a second look is worth its price."""
_OTHER_COLOURS = 15.0
"""Mean distance, in levels of 255, between the colours of two things that are surely not one."""
_LIGHT = 128.0
_LONGER_THAN_A_HAND = 10
"""Frames."""
_QUANTILES = np.linspace(0.1, 0.9, 9)


class Succession:
    """Compares the settled view with the one in which the item was decided.

    An item that is turned or pushed changes the view too, so a changed view alone is a reason to
    look again; proof are entirely other colours that stay longer than a hand.
    """

    def __init__(self) -> None:
        self._view: Thumbnail | None = None
        self._colours: NDArray[np.float32] | None = None
        self._other_for = 0

    def remember(self, thumbnail: Thumbnail, presence: Presence, *, new_item: bool) -> None:
        """What is in this view has been looked at; ``new_item``: and was decided."""
        self._view = thumbnail
        if new_item or self._colours is None:
            self._colours, self._other_for = _colours(thumbnail, presence), 0

    def changed(self, thumbnail: Thumbnail, presence: Presence) -> bool:
        """Whether the view has settled into another than the remembered one."""
        if self._view is None or not (presence.present and presence.still):
            return False
        differs = np.max(np.abs(thumbnail - self._view), axis=2) > CELL_DIFFERS
        share = float(np.sum(differs)) / max(float(np.sum(presence.cells)), 1.0)
        return bool(share > _CHANGED)

    def another(self, thumbnail: Thumbnail, presence: Presence) -> bool:
        """Whether this cannot be the decided item, however it was moved or covered."""
        if self._colours is None or not presence.present:
            return False
        distance = float(np.mean(np.abs(_colours(thumbnail, presence) - self._colours)))
        self._other_for = self._other_for + 1 if distance > _OTHER_COLOURS else 0
        return self._other_for >= _LONGER_THAN_A_HAND

    def forget(self) -> None:
        """The item is gone."""
        self._view = self._colours = None
        self._other_for = 0


def _colours(thumbnail: Thumbnail, presence: Presence) -> NDArray[np.float32]:
    """How the item's colours are spread, wherever in the view and in whatever light it lies."""
    pixels = thumbnail[presence.cells] if presence.cells.any() else thumbnail.reshape(-1, 3)
    lit = pixels * (_LIGHT / np.maximum(presence.light, 1))
    return np.asarray(np.quantile(lit, _QUANTILES, axis=0), dtype=np.float32)
