# SPDX-License-Identifier: Apache-2.0
"""Detects whether the decided item is still in view, or another one has replaced or joined it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from camera.vision.jpeg import Thumbnail
from camera.vision.presence_detector import Presence
from contracts.empty_view import APPEARS, CELL_DIFFERS, Cells, differing, near

_CHANGED = 0.4
"""Share of the item's cells that must differ to justify a second look."""
_OTHER_COLOURS = 15.0
"""Mean distance, in levels of 255, between the colours of two certainly different things."""
_LIGHT = 128.0
_LONGER_THAN_A_HAND = 10
"""Frames."""
_QUANTILES = np.linspace(0.1, 0.9, 9)


class Verdict(NamedTuple):
    """``changed``: look again, at the cells ``at``; ``another``: it cannot be what was decided."""

    changed: bool = False
    another: bool = False
    at: Cells | None = None


class _Told(NamedTuple):
    """A decided thing: the view, the thing's cells in it, its colours.

    ``own``: the colours are from this view. Otherwise they are from an earlier view: the thing
    changed and was assumed to be the same item, which the colours may still disprove.
    """

    view: Thumbnail
    cells: Cells
    colours: NDArray[np.float32]
    own: bool = True

    def differs(self, thumbnail: Thumbnail, zone: Cells) -> float:
        """Cells of the zone that have changed."""
        return float(np.sum(differing(thumbnail, self.view) & zone))

    def untouched(self, thumbnail: Thumbnail) -> bool:
        """Whether nothing in the view has changed."""
        return float(np.max(np.abs(thumbnail - self.view))) <= CELL_DIFFERS

    def same(self, thumbnail: Thumbnail) -> bool:
        """Whether it still lies there unchanged."""
        return self.differs(thumbnail, self.cells) <= _CHANGED * float(np.sum(self.cells))


class Succession:
    """Compares the settled view with those in which items were decided.

    An item that is turned or pushed changes the view too, so a changed view alone is a reason to
    look again; proof are entirely other colours that stay longer than a hand, or a thing apart from
    the ones that were decided, while they are still there, that lies still for as long.
    """

    def __init__(self) -> None:
        self._told: list[_Told] = []
        self._other_for = self._beside_for = 0

    def remember(
        self, thumbnail: Thumbnail, presence: Presence, cells: Cells, *, new_item: bool
    ) -> None:
        """The thing in these cells was looked at; ``new_item``: and decided."""
        now = _Told(thumbnail, cells, _colours(thumbnail, presence, cells))
        before = max(self._told, key=lambda told: int(np.sum(told.cells & cells)), default=None)
        if new_item or before is None:
            # Things that have changed were replaced.
            self._told = [told for told in self._told if told.same(thumbnail)]
            self._other_for = 0
        else:
            self._told = [told for told in self._told if told is not before]
            now = now._replace(colours=before.colours, own=False)
        self._told.append(now)
        self._beside_for = 0

    def judge(
        self, thumbnail: Thumbnail, presence: Presence, things: list[Cells], here: Cells | None
    ) -> Verdict:
        """``things`` are in view, apart from each other; ``here`` is the one looked at so far."""
        if not self._told or not things or here is None:
            return Verdict()
        last = self._told[-1]
        if len(things) == len(self._told) == 1 and last.own and last.untouched(thumbnail):
            # Most frames end here, which saves the rest.
            self._other_for = self._beside_for = 0
            return Verdict()
        strange = self._strange(thumbnail, presence, things, here)
        other = strange is not None
        here = here if strange is None else strange
        if not presence.still:
            self._beside_for = 0
            return Verdict(other, other, here)
        self._let_go(things)
        unknown = [thing for thing in things if not self._known(thumbnail, presence, thing, things)]
        added = [thing for thing in unknown if float(np.mean(thing)) > APPEARS]
        if not (added and all(told.same(thumbnail) for told in self._told)):
            self._beside_for = 0
            at = unknown[0] if unknown and not other else here
            return Verdict(other or bool(unknown), other, at)
        self._beside_for += 1
        if self._beside_for < _LONGER_THAN_A_HAND:
            return Verdict(other, other, here)
        return Verdict(changed=True, another=True, at=added[0])

    @property
    def counting(self) -> bool:
        """Whether it is counting frames to distinguish another item from the decided one."""
        return self._other_for > 0 or self._beside_for > 0

    def forget(self) -> None:
        """The item is gone."""
        self._told = []
        self._other_for = self._beside_for = 0

    def _let_go(self, things: list[Cells]) -> None:
        """Forget things that left while something else is still there."""
        anything = np.any(things, axis=0)
        left = [told for told in self._told if _share(told.cells, anything) > _CHANGED]
        self._told = left or self._told[-1:]

    def _known(
        self, thumbnail: Thumbnail, presence: Presence, thing: Cells, things: list[Cells]
    ) -> bool:
        """Whether this was looked at and has not changed."""
        if self._in_place(thumbnail, thing, things):
            return True
        return len(self._told) > 1 and self._moved(thumbnail, presence, thing)

    def _in_place(
        self, thumbnail: Thumbnail, thing: Cells, things: list[Cells], *, own: bool = False
    ) -> bool:
        """Whether a decided thing lies there unchanged, with no cells emptied beside it."""
        others = np.any([each for each in things if each is not thing] or [~thing & thing], axis=0)
        zone, size = near(thing), float(np.sum(thing))
        return any(
            bool((told.cells & thing).any())
            and told.differs(thumbnail, (zone | told.cells) & ~others) <= _CHANGED * size
            for told in self._told
            if told.own or not own
        )

    def _moved(self, thumbnail: Thumbnail, presence: Presence, thing: Cells) -> bool:
        """Whether this is one of several decided things in another place, by its colours."""
        colours = _colours(thumbnail, presence, thing)
        for index, told in enumerate(self._told):
            close = float(np.mean(np.abs(colours - told.colours))) <= _OTHER_COLOURS
            if close and not told.same(thumbnail):
                self._told[index] = _Told(thumbnail, thing, told.colours)
                return True
        return False

    def _strange(
        self, thumbnail: Thumbnail, presence: Presence, things: list[Cells], here: Cells
    ) -> Cells | None:
        """A thing that cannot be a decided item, even a moved or covered one; usually None."""
        for thing in things:
            large = float(np.mean(thing)) > APPEARS
            if not (large or bool((thing & here).any())):
                continue
            if self._in_place(thumbnail, thing, things, own=True):
                continue
            colours = _colours(thumbnail, presence, thing)
            distance = min(float(np.mean(np.abs(colours - told.colours))) for told in self._told)
            if distance > _OTHER_COLOURS:
                self._other_for += 1
                return thing if self._other_for >= _LONGER_THAN_A_HAND else None
        self._other_for = 0
        return None


def _share(cells: Cells, among: Cells) -> float:
    return float(np.sum(cells & among)) / max(float(np.sum(cells)), 1.0)


def _colours(thumbnail: Thumbnail, presence: Presence, cells: Cells) -> NDArray[np.float32]:
    """The distribution of the item's colours, independent of its place and of the light."""
    pixels = thumbnail[cells] if cells.any() else thumbnail.reshape(-1, 3)
    lit = pixels * (_LIGHT / np.maximum(presence.light, 1))
    return np.asarray(np.quantile(lit, _QUANTILES, axis=0), dtype=np.float32)
