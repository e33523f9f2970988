# SPDX-License-Identifier: Apache-2.0
"""From a frame to a view: is something there, and what would the model look at."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from camera.engine import Model
from camera.frames import Frame
from camera.gate import Presence, PresenceGate
from camera.pictures import Thumbnail, model_input, thumbnail
from camera.succession import Succession
from contracts.preprocessing import Pixels

_UNCLEAR_FRAMES = 30


@dataclass(frozen=True, kw_only=True)
class View:
    """A frame that was looked at.

    ``pixels`` is the input for ``model``, where its answer is of use. ``changed``: the item that
    was decided may have been replaced, by ``other_colours`` for certain. ``first``: the camera has
    just begun, so an item may be hidden in what it takes as the empty view.
    """

    frame: Frame
    thumbnail: Thumbnail
    presence: Presence
    changed: bool
    other_colours: bool
    first: bool
    model: Model | None
    pixels: Pixels | None


class Sight:
    """Looks at frames, in the thread that feeds the one that infers.

    ``undecided`` tells whether what is in view needs (another) look; ``first_looks`` frames at the
    start are looked at although nothing seems to be there.
    """

    def __init__(self, *, undecided: Callable[[], bool], first_looks: int) -> None:
        self._undecided = undecided
        self._first_looks = self._first_left = first_looks
        self._moving = 0
        self._gate = PresenceGate()
        self._lock = threading.Lock()
        self._succession = Succession()

    def camera_opened(self, *, settling_frames: int) -> None:
        """A source was opened (again): learn its empty view first. From any thread."""
        self._gate.relearn(frames=settling_frames)
        self._first_left, self._moving = self._first_looks, 0

    def remember(self, view: View) -> None:
        """What is in this view has been decided. From any thread."""
        with self._lock:
            self._succession.remember(view.thumbnail, view.presence)

    def forget(self) -> None:
        """The item is gone. From any thread."""
        with self._lock:
            self._succession.forget()

    def look(self, frame: Frame, *, model: Model | None) -> View:
        """Raises BadFrameError."""
        small = thumbnail(frame.jpeg)
        settling = self._gate.settling
        presence = self._gate.update(small)
        with self._lock:
            changed = self._succession.changed(small, presence)
            other = changed and self._succession.other_colours(small, presence)
        first = not presence.present and not settling and self._first_left > 0
        wanted = first or (presence.present and (changed or self._undecided()))
        if presence.present and not self._gate.confirmed and not presence.still:
            # It may be an item from the start that someone takes away: wait until that is clear.
            self._moving += 1
            wanted = wanted and self._moving > _UNCLEAR_FRAMES
        pixels = None
        if model is not None and wanted:
            pixels = model_input(frame.jpeg, width=model.card.width, height=model.card.height)
            self._first_left -= first
        return View(
            frame=frame,
            thumbnail=small,
            presence=presence,
            changed=changed,
            other_colours=other,
            first=first,
            model=model,
            pixels=pixels,
        )
