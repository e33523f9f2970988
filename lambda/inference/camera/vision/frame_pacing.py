# SPDX-License-Identifier: Apache-2.0
"""Which frames to skip: while nothing moves, decoding most of them adds no information.

Decoding is the largest cost of a frame, and a bin's view is still for most of the day.
"""

from camera.vision.frame_analyzer import FrameAnalysis
from camera.vision.frame_buffer import Frame

_CALM_FRAMES = 4
"""Analysed frames in a row without a change before frames are held back."""
_MOST_HELD, _MOST_HELD_WATCHED = 3, 7
"""At 15 frames a second every fourth is looked at, and what is in view for so many frames or fewer
may be missed. Something that is thrown through the view shows in at least 4. The second number is
for cameras whose frames' sizes in bytes are watched: it ends early where a size is unusual."""
_LONGEST_SECONDS, _LONGEST_SECONDS_WATCHED = 0.25, 0.5
"""Minimum analysed frames per second: at 4 a second or fewer, every frame is analysed."""


class FramePacing:
    """Holds frames back while the view is calm. Not thread-safe."""

    def __init__(self) -> None:
        self._calm = 0
        self._held: list[Frame] = []
        self._looked_at = 0.0
        self._sizes = _Sizes()

    def holds(self, frame: Frame) -> bool:
        """Whether this frame is held back instead of analysed."""
        if self._calm < _CALM_FRAMES:
            return False
        size = len(frame.jpeg)
        watched = self._sizes.tell
        most = _MOST_HELD_WATCHED if watched else _MOST_HELD
        longest = _LONGEST_SECONDS_WATCHED if watched else _LONGEST_SECONDS
        held = (
            len(self._held) < most
            and frame.captured_at - self._looked_at < longest
            and not (watched and self._sizes.unusual(size))
        )
        if held:
            self._sizes.add(size)
            self._held.append(frame)
        return held

    def release(self) -> list[Frame]:
        """Return and forget the frames held back since the last analysed one, oldest first."""
        held, self._held = self._held, []
        return held

    def looked(self, view: FrameAnalysis, *, settling: bool, item_open: bool) -> None:
        """A frame was analysed. ``item_open``: a decision may still follow."""
        self._looked_at = view.frame.captured_at
        calm = view.presence.still and not (
            settling or view.changed or view.counting or view.pixels is not None or view.first
        )
        # An item that left is decided after some frames without it, each of which counts.
        calm = calm and (view.presence.present or not item_open)
        if calm:
            self._calm += 1
            self._sizes.add(len(view.frame.jpeg))
        else:
            self.disturbed()

    def disturbed(self) -> None:
        """Analyse every frame again."""
        self._calm = 0
        self._sizes = _Sizes()


class _Sizes:
    """The sizes in bytes of a calm view's frames, which change as soon as an item comes into view.

    A sensor's noise changes the size of a JPEG by about 0.1 %; an item of a thirtieth of the view
    changes it by 1 % and more. For cameras that pad frames to one size, or adjust the quality of
    each frame, sizes are useless.
    """

    _FEW, _MOST, _TIMES, _TELLING = 8, 64, 5.0, 0.01
    """Frames before the sizes are of use, frames that their means are taken over, how many mean
    deviations are unusual, and how much that may be as a share of the size to be of use."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = self._deviation = 0.0

    def add(self, size: int) -> None:
        """Add the size of a calm frame."""
        self._count = min(self._count + 1, self._MOST)
        self._mean += (size - self._mean) / self._count
        self._deviation += (abs(size - self._mean) - self._deviation) / self._count

    @property
    def tell(self) -> bool:
        """Whether an item would be noticed by the size of its frame."""
        enough = self._count >= self._FEW and self._deviation > 0
        return enough and self._TIMES * self._deviation <= self._TELLING * self._mean

    def unusual(self, size: int) -> bool:
        """Whether a frame of this size is not like the calm ones."""
        return abs(size - self._mean) > self._TIMES * self._deviation
