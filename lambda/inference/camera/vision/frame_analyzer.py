# SPDX-License-Identifier: Apache-2.0
"""From a frame to a view: whether something is present, and the model's input."""

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
    """An analysed frame of ``columns`` x ``rows`` pixels.

    ``region`` is the model's region in the frame's pixels (None: the whole frame), around
    ``cells``, the cells of the current thing. ``picture`` is the frame decoded for ``model`` and
    ``pixels`` the model's input, if an answer is needed. ``changed``: the decided item may have
    been replaced; ``another``: it certainly was; ``counting``: more frames are needed to tell.
    ``first``: the camera has just started, so the assumed empty view may contain an item.
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
    """Analyses frames in the thread before the one that runs the model.

    ``undecided`` returns whether the thing in view needs another look; the first ``first_looks``
    frames are given to the model even if nothing seems to be there.
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
        """A source was opened or reopened: learn its empty view first. For any thread."""
        self._gate.relearn(frames=settling_frames)
        self._first_left, self._moving = self._first_looks, 0

    def remember(self, view: FrameAnalysis, *, new_item: bool) -> None:
        """The things in this view were looked at, and maybe decided. For any thread."""
        if view.cells is not None:
            with self._lock:
                self._succession.remember(
                    view.thumbnail, view.presence, view.cells, new_item=new_item
                )

    def forget(self) -> None:
        """The item is gone. For any thread."""
        with self._lock:
            self._succession.forget()

    @property
    def settling(self) -> bool:
        """Whether a recently opened source is still adjusting its exposure."""
        return self._gate.settling

    def unchanged(self, small: Thumbnail) -> bool:
        """Whether nothing moved since the last analysed frame."""
        return self._gate.unchanged(small)

    def look(
        self,
        frame: Frame,
        *,
        model: Model | None,
        small: Thumbnail | None = None,
        stands_for: int = 1,
    ) -> FrameAnalysis:
        """Analyse a frame. Raises BadFrameError. ``small``:

        its thumbnail, if there already is one. ``stands_for``: how many frames it represents,
        itself included.
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
            # It may be an item from the start that is being removed: wait until that is clear.
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
        """The things in view; most frames differ from the previous one only by noise."""
        if not presence.present:
            return []
        if self._cells is None or not np.array_equal(self._cells, presence.cells):
            self._cells, self._things = presence.cells, groups(presence.cells)
        return self._things


def _region(model: Model | None, box: Box | None, columns: int, rows: int) -> Box | None:
    """The model's region; None for the whole frame, as for models trained on whole photos."""
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
