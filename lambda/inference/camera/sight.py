# SPDX-License-Identifier: Apache-2.0
"""From a frame to a view: is something there, and what would the model look at."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from camera.engine import Model
from camera.frames import Frame
from camera.gate import Presence, PresenceGate
from camera.pictures import Thumbnail, decoded, thumbnail
from camera.succession import Succession
from contracts.preprocessing import Pixels, resize

_UNCLEAR_FRAMES = 30


@dataclass(frozen=True, kw_only=True)
class View:
    """A frame that was looked at.

    ``picture`` is the frame decoded for ``model`` and ``pixels`` the input made of it, where its
    answer is of use. ``changed``: the item that was decided may have been replaced, ``another``:
    for certain. ``first``: the camera has just begun, so an item may be hidden in what it takes
    as the empty view.
    """

    frame: Frame
    thumbnail: Thumbnail
    presence: Presence
    changed: bool
    another: bool
    first: bool
    model: Model | None
    picture: Pixels | None
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
        self._expected = False
        self._gate = PresenceGate()
        self._lock = threading.Lock()
        self._succession = Succession()

    def camera_opened(self, *, settling_frames: int) -> None:
        """A source was opened (again): learn its empty view first. From any thread."""
        self._gate.relearn(frames=settling_frames)
        self._first_left, self._moving = self._first_looks, 0

    def remember(self, view: View, *, new_item: bool) -> None:
        """What is in this view has been looked at (and decided). From any thread."""
        with self._lock:
            self._succession.remember(view.thumbnail, view.presence, new_item=new_item)

    def forget(self) -> None:
        """The item is gone. From any thread."""
        with self._lock:
            self._succession.forget()

    def look(self, frame: Frame, *, model: Model | None) -> View:
        """Raises BadFrameError."""
        picture = None
        if model is not None and self._expected:
            # One decode serves both: an item in view is likely to be in the next frame, too.
            picture = decoded(frame.jpeg, width=model.card.width, height=model.card.height)
        small = thumbnail(frame.jpeg, picture=picture)
        settling = self._gate.settling
        presence = self._gate.update(small)
        with self._lock:
            another = self._succession.another(small, presence)
            changed = another or self._succession.changed(small, presence)
        first = not presence.present and not settling and self._first_left > 0
        wanted = first or (presence.present and (changed or self._undecided()))
        if presence.present and not self._gate.confirmed and not presence.still:
            # It may be an item from the start that someone takes away: wait until that is clear.
            self._moving += 1
            wanted = wanted and self._moving > _UNCLEAR_FRAMES
        pixels = None
        if model is not None and wanted:
            width, height = model.card.width, model.card.height
            if picture is None:
                picture = decoded(frame.jpeg, width=width, height=height)
            pixels = resize(picture.rgb, width=width, height=height)
            self._first_left -= first
        self._expected = wanted
        return View(
            frame=frame,
            thumbnail=small,
            presence=presence,
            changed=changed,
            another=another,
            first=first,
            model=model,
            picture=picture.rgb if picture else None,
            pixels=pixels,
        )
