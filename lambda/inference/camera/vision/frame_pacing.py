# SPDX-License-Identifier: Apache-2.0
"""Which frames need no look: while nothing moves, decoding most of them tells nothing new.

Decoding is the largest cost of a frame, and a bin's view is still for most of the day.
"""

from camera.vision.frame_analyzer import FrameAnalysis
from camera.vision.frame_buffer import Frame

_CALM_FRAMES, _EMPTY_FRAMES = 11, 4
"""Looks in a row without a change before frames are held back, with something in view and with
nothing. The first is longer than any count of frames in ``item_change``, so that nothing is being
counted then; of an empty view nothing is counted but what ``item_open`` says."""
_MOST_HELD = 3
"""At 15 frames a second every fourth is looked at, and what is in view for so many frames or fewer
may be missed. Something that is thrown through the view shows in at least 4."""
_LONGEST_SECONDS = 0.25
"""Slow cameras are looked at at least so often: every frame at 4 a second or fewer."""


class FramePacing:
    """Holds frames back while the view is calm. Not for several threads."""

    def __init__(self) -> None:
        self._calm, self._enough = 0, _CALM_FRAMES
        self._held: list[Frame] = []
        self._looked_at = 0.0

    def holds(self, frame: Frame) -> bool:
        """Whether this frame is kept for later instead of looked at."""
        held = (
            self._calm >= self._enough
            and len(self._held) < _MOST_HELD
            and frame.captured_at - self._looked_at < _LONGEST_SECONDS
        )
        if held:
            self._held.append(frame)
        return held

    def release(self) -> list[Frame]:
        """The frames that were held back since the last look, oldest first; they are forgotten."""
        held, self._held = self._held, []
        return held

    def looked(self, view: FrameAnalysis, *, settling: bool, item_open: bool) -> None:
        """A frame was looked at. ``item_open``: a decision may still come."""
        self._looked_at = view.frame.captured_at
        calm = view.presence.still and not (
            settling or view.changed or view.pixels is not None or view.first
        )
        # An item that left is decided after some frames without it, each of which counts.
        calm = calm and (view.presence.present or not item_open)
        self._calm = self._calm + 1 if calm else 0
        self._enough = _CALM_FRAMES if view.presence.present else _EMPTY_FRAMES

    def disturbed(self) -> None:
        """Look at every frame again."""
        self._calm = 0
