# SPDX-License-Identifier: Apache-2.0
"""From a frame to a view: is something there, and what would the model look at."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from camera.model.engine import Model
from camera.vision.focus import Focus
from camera.vision.frame_buffer import Frame
from camera.vision.item_change import Succession
from camera.vision.jpeg import Decoded, Thumbnail, decoded, scale_for, size_of, thumbnail
from camera.vision.presence_detector import Presence, PresenceGate
from contracts.cut import Box, cut, whole
from contracts.empty_view import Cells, groups
from contracts.preprocessing import Pixels

_UNCLEAR_FRAMES = 30


@dataclass(frozen=True, kw_only=True)
class FrameAnalysis:
    """A frame that was looked at, ``columns`` x ``rows`` pixels.

    ``region`` is where the model looks (None: at the whole frame), in the frame's pixels; it is
    around ``cells``, those of the thing that is looked at. ``picture`` is the frame decoded for
    ``model`` and ``pixels`` the input made of the region, where its answer is of use. ``changed``:
    the item that was decided may have been replaced, ``another``: for certain; ``counting``: that
    takes more frames to tell. ``first``: the camera has just begun, so an item may be hidden in
    what it takes as the empty view.
    """

    frame: Frame
    columns: int
    rows: int
    thumbnail: Thumbnail
    presence: Presence
    cells: Cells | None
    region: Box | None
    changed: bool
    another: bool
    counting: bool
    first: bool
    model: Model | None
    picture: Pixels | None
    pixels: Pixels | None


class FrameAnalyzer:
    """Looks at frames, in the thread that feeds the one that infers.

    ``undecided`` tells whether what is in view needs (another) look; ``first_looks`` frames at the
    start are looked at although nothing seems to be there.
    """

    def __init__(self, *, undecided: Callable[[], bool], first_looks: int) -> None:
        self._undecided = undecided
        self._first_looks = self._first_left = first_looks
        self._moving = 0
        self._expected = False
        self._gate = PresenceGate()
        self._lock = threading.Lock()
        self._succession = Succession()
        self._focus = Focus()
        self._region: Box | None = None
        self._cells: Cells | None = None
        self._things: list[Cells] = []

    def camera_opened(self, *, settling_frames: int) -> None:
        """A source was opened (again): learn its empty view first. From any thread."""
        self._gate.relearn(frames=settling_frames)
        self._first_left, self._moving = self._first_looks, 0

    def remember(self, view: FrameAnalysis, *, new_item: bool) -> None:
        """What is in this view has been looked at (and decided). From any thread."""
        if view.cells is not None:
            with self._lock:
                self._succession.remember(
                    view.thumbnail, view.presence, view.cells, new_item=new_item
                )

    def forget(self) -> None:
        """The item is gone. From any thread."""
        with self._lock:
            self._succession.forget()

    @property
    def settling(self) -> bool:
        """Whether a source that was just opened is still adjusting itself."""
        return self._gate.settling

    def unchanged(self, small: Thumbnail) -> bool:
        """Whether nothing moved since the frame that was looked at last."""
        return self._gate.unchanged(small)

    def look(
        self,
        frame: Frame,
        *,
        model: Model | None,
        small: Thumbnail | None = None,
        stands_for: int = 1,
    ) -> FrameAnalysis:
        """Raises BadFrameError. ``small``: the frame's thumbnail, where there is one already.

        ``stands_for``: how many frames like it there were, itself and those not looked at.
        """
        columns, rows = size_of(frame.jpeg)
        picture = None
        if model is not None and self._expected:
            # One decode serves both: an item in view is likely to be in the next frame, too.
            divisor = _divisor(model, self._region, columns, rows)
            picture = decoded(frame.jpeg, divisor=divisor)
        if small is None:
            small = thumbnail(frame.jpeg, picture=picture)
        settling = self._gate.settling
        presence = self._gate.update(small, stands_for=stands_for)
        things = self._things_in(presence)
        with self._lock:
            changed, another, at = self._succession.judge(
                small, presence, things, self._focus.cells
            )
            counting = self._succession.counting
        if at is not None:
            self._focus.turn_to(at)
        box = self._focus.follow(things, presence, columns=columns, rows=rows)
        self._region = region = _region(model, box, columns, rows)
        first = not presence.present and not settling and self._first_left > 0
        wanted = first or (presence.present and (changed or self._undecided()))
        if presence.present and not self._gate.confirmed and not presence.still:
            # It may be an item from the start that someone takes away: wait until that is clear.
            self._moving += 1
            wanted = wanted and self._moving > _UNCLEAR_FRAMES
        pixels = None
        if model is not None and wanted:
            divisor = _divisor(model, region, columns, rows)
            if picture is None or picture.divisor != divisor:
                picture = decoded(frame.jpeg, divisor=divisor)
            pixels = _pixels(model, picture, region or whole(columns, rows))
            self._first_left -= first
        self._expected = wanted
        return FrameAnalysis(
            frame=frame,
            columns=columns,
            rows=rows,
            thumbnail=small,
            presence=presence,
            cells=self._focus.cells,
            region=region,
            changed=changed,
            another=another,
            counting=counting,
            first=first,
            model=model,
            picture=picture.rgb if picture else None,
            pixels=pixels,
        )

    def _things_in(self, presence: Presence) -> list[Cells]:
        """What is in view, thing by thing; most frames differ from the one before by noise only."""
        if not presence.present:
            return []
        if self._cells is None or not np.array_equal(self._cells, presence.cells):
            self._cells, self._things = presence.cells, groups(presence.cells)
        return self._things


def _region(model: Model | None, box: Box | None, columns: int, rows: int) -> Box | None:
    """Where the model looks; None for the whole frame, as models do that learned whole photos."""
    if model is None or model.cut is None or box is None:
        return None
    card = model.card
    return model.cut.region(box, columns=columns, rows=rows, width=card.width, height=card.height)


def _divisor(model: Model, region: Box | None, columns: int, rows: int) -> int:
    card = model.card
    return scale_for(region, columns=columns, rows=rows, width=card.width, height=card.height)


def _pixels(model: Model, picture: Decoded, region: Box) -> Pixels:
    card = model.card
    return cut(picture.rgb, region, width=card.width, height=card.height, divisor=picture.divisor)
