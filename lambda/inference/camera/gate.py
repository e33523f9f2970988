# SPDX-License-Identifier: Apache-2.0
"""Is anything in view? Thumbnails are compared with the empty view, at almost no cost."""

import numpy as np

from camera.pictures import Thumbnail

_CELL_DIFFERS = 14.0
"""Levels of 255 in any colour; sensor noise, averaged over a cell, stays far below."""
_ENTER, _LEAVE = 0.03, 0.015
"""Share of cells that must differ for something to appear, and below which it is gone again."""
_LEARNING = 0.05
_STILL = 3.0
"""Levels of 255 between two frames; a view that moves less is still."""


class PresenceGate:
    """Learns the empty view and tells whether a frame differs from it.

    The first frame is taken as empty. A view that stays different but still for ``absorb_frames``
    frames (the camera was moved, a stain) becomes the new empty view.
    """

    def __init__(self, *, absorb_frames: int = 900) -> None:
        self._absorb_frames = absorb_frames
        self._background: Thumbnail | None = None
        self._last: Thumbnail | None = None
        self._still = 0
        self._settling = 0
        self.present = False

    def relearn(self, *, frames: int) -> None:
        """Take the next frames as empty: a camera that was just opened adjusts its exposure."""
        self._settling = frames

    def update(self, thumbnail: Thumbnail) -> bool:
        """Whether something is in view in this frame."""
        if self._background is None or self._settling > 0:
            self._background = thumbnail.copy()
            self._settling = max(self._settling - 1, 0)
        distance = np.max(np.abs(thumbnail - self._background), axis=2)
        differs = float(np.mean(distance > _CELL_DIFFERS))
        self.present = differs > (_LEAVE if self.present else _ENTER)
        moved = self._last is None or float(np.max(np.abs(thumbnail - self._last))) > _STILL
        self._last = thumbnail
        self._still = self._still + 1 if self.present and not moved else 0
        if not self.present:
            self._background += _LEARNING * (thumbnail - self._background)
        elif self._still >= self._absorb_frames:
            self._background = thumbnail.copy()
            self.present = False
            self._still = 0
        return self.present
