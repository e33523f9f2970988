# SPDX-License-Identifier: Apache-2.0
"""Detects whether anything is in view by comparing thumbnails with the empty view, at little
cost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.empty_view import (
    CELL_DIFFERS,
    DISAPPEARS,
    Cells,
    Grid,
    appears,
    differing,
    in_this_light,
)

STILL = 5.0
"""Levels of 255 between two frames below which the view counts as still."""
_LEARNING, _OF_WHAT_DIFFERS = 0.05, 0.002
"""Share of a difference that each frame adds to the empty view. A difference too small for an item
may be the rim of one, so it is learned over minutes, like a stain, not while the item is there."""


@dataclass(frozen=True, kw_only=True)
class Presence:
    """The gate's result for a frame.

    ``present``: something is in view, in the ``cells`` that differ from the empty view. ``still``:
    nothing moved since the frame before. ``revealed``: the assumed empty view contained an item,
    which has just left. ``light``: mean colour of the empty view in the light of this frame.
    """

    present: bool
    still: bool
    revealed: bool
    cells: Cells
    light: NDArray[np.float32]


class PresenceGate:
    """Learns the empty view and detects whether a frame differs from it.

    The first frame counts as empty, and so does a view that stays different but still for
    ``absorb_frames`` frames (the camera was moved, a stain). If that was an item, its departure is
    distinguished from an arrival: its outline is in the old view, not in the new one. A change of
    light across the whole view is not an item.
    """

    def __init__(self, *, absorb_frames: int = 900) -> None:
        self._absorb_frames = absorb_frames
        self._empty: Grid | None = None
        self._last: Grid | None = None
        self._still = 0
        self._settling = 0
        self.present = False
        self.confirmed = False
        """Whether something came and went since the empty view was learned."""

    def relearn(self, *, frames: int) -> None:
        """Treat the next frames as empty: a recently opened camera adjusts its exposure."""
        self._settling = frames

    @property
    def settling(self) -> bool:
        """Whether frames are assumed empty without being analysed."""
        return self._settling > 0

    def unchanged(self, thumbnail: Grid) -> bool:
        """Whether nothing moved since the last frame of ``update``."""
        return self._last is not None and float(np.max(np.abs(thumbnail - self._last))) <= STILL

    def update(self, thumbnail: Grid, *, stands_for: int = 1) -> Presence:
        """Compare a frame with the empty view, and learn from it.

        ``stands_for``: how many frames it represents, itself included.
        """
        if self._empty is None or self._settling > 0:
            self._learn(thumbnail)
            self._settling = max(self._settling - 1, 0)
        before = self.present
        empty = thumbnail if self._empty is None else in_this_light(self._empty, thumbnail)
        cells = differing(thumbnail, empty)
        remains = float(np.mean(cells)) > DISAPPEARS
        self.present = remains and (self.present or appears(cells))
        still = self.unchanged(thumbnail)
        self._last = thumbnail
        still_before = self._still
        self._still = still_before + stands_for if self.present and still else 0
        revealed = False
        if not self.present:
            self.confirmed = self.confirmed or before
            pace = np.where(cells[:, :, None], np.float32(_OF_WHAT_DIFFERS), np.float32(_LEARNING))
            self._empty = empty + (1 - (1 - pace) ** stands_for) * (thumbnail - empty)
        elif self._settled(still_before) and _outlined(cells, empty, thumbnail):
            revealed = True
            self._learn(thumbnail)
            self.confirmed = True
        elif self._still >= self._absorb_frames:
            self._learn(thumbnail)
        return Presence(
            present=self.present,
            still=still,
            revealed=revealed,
            cells=cells,
            light=np.asarray(np.mean(empty, axis=(0, 1)), dtype=np.float32),
        )

    def _settled(self, still_before: int) -> bool:
        """Whether the first thing that differs from the initial view has just come to rest."""
        return still_before < 2 <= self._still and not self.confirmed

    def _learn(self, thumbnail: Grid) -> None:
        self._empty = thumbnail.copy()
        self.present = self.confirmed = False
        self._still = 0


def _outlined(cells: Cells, empty: Grid, thumbnail: Grid) -> bool:
    """Whether the outline of the differing region is in the empty view instead of the frame."""
    drawn = shown = 0.0
    for axis in (0, 1):
        edge = np.diff(cells, axis=axis)
        drawn += float(np.abs(np.diff(empty, axis=axis)).max(axis=2)[edge].sum())
        shown += float(np.abs(np.diff(thumbnail, axis=axis)).max(axis=2)[edge].sum())
    return drawn > 2 * shown + CELL_DIFFERS
