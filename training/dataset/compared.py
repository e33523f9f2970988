# SPDX-License-Identifier: Apache-2.0
"""Fingerprints what is compared of each photo: the item on its view, or the whole photo."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from contracts.cut import Box
from contracts.empty_view import GRID_COLUMNS, GRID_ROWS, box_of
from training.dataset import same_picture
from training.dataset.duplicates import likeness
from training.dataset.photos import Photo
from training.dataset.views import (
    Model,
    View,
    find_views,
    fine,
    item_on,
    items_of,
    model_of,
)

_REMEMBERED = 2000
_TRIED = 24
_MOVES = 0.03
"""Share of the view that half of the items lie away from the middle place."""


class Compared:
    """Photos with the fingerprints of what is compared.

    ``photos`` are those given, in their order; ``views`` the fixed cameras that were found among
    them; ``empty`` the positions of photos that show nothing but an empty view that was given:
    there is nothing to learn from them; ``boxes`` where items lie on views, in the pixels of the
    stored photo, in the cells in which a camera sees them.
    """

    def __init__(self, photos: Sequence[Photo], backgrounds: Sequence[Photo]) -> None:
        self._paths = [photo.stored for photo in photos]
        given = [photo.stored for photo in backgrounds]
        self.photos = list(photos)
        self.empty: list[int] = []
        self.boxes: dict[int, Box] = {}
        self._model: dict[int, Model] = {}
        self._faint: set[int] = set()
        self.views: list[View] = []
        for view in find_views(_grids(photos), _grids(backgrounds)):
            model = model_of(view, self._paths, given)
            if self._one_place(view, model):
                self.views.append(view)
                self._look(view, model)
        self.empty.sort()
        self._small = lru_cache(_REMEMBERED)(self._reduced)

    def _one_place(self, view: View, model: Model) -> bool:
        """Whether most members are of one place, and things lie on it here and there.

        Ten shots of one object, from one place, are no view but copies. A given view needs no more
        than photos of the place.
        """
        steps = np.linspace(0, len(view.members) - 1, min(len(view.members), _TRIED)).astype(int)
        some = replace(view, members=tuple(view.members[step] for step in steps))
        found = [item for _, item in items_of(some, model, self._paths)]
        if len(found) < len(steps) / 2:
            return False
        boxes = np.array([item.box for item in found if item is not None]).reshape(-1, 2, 2)
        if view.given or not len(boxes):
            return bool(view.given)
        middles = boxes.mean(axis=1)
        moved = np.median(np.abs(middles - np.median(middles, axis=0)), axis=0).max()
        return len(boxes) >= len(found) / 2 and float(moved) >= _MOVES

    def _look(self, view: View, model: Model) -> None:
        for position, item in items_of(view, model, self._paths):
            if item is None:
                self._faint.add(position)
                if view.given:
                    self.empty.append(position)
            elif item.small:
                self._model[position] = model
                if (box := _in_cells(item.box, self._paths[position])) is not None:
                    self.boxes[position] = box
                prints = likeness(item.picture)
                self.photos[position] = replace(self.photos[position], likeness=prints)

    def shown(self, position: int) -> Image.Image | None:
        """The item alone, for a person to look at; None where the whole photo is compared."""
        model = self._model.get(position)
        if model is None:
            return None
        item = item_on(model, *fine(self._paths[position]))
        return item.picture if item else None

    def same(self, one: int, other: int) -> bool:
        """Whether two photos show the same picture, of the item where they are of a view.

        This cannot be decided for what is hardly visible on its view (white paper on white).
        """
        if one in self._faint or other in self._faint:
            return False
        if same_picture.same(self._small(one), self._small(other)):
            return True
        # Saved again at a low quality, a small item alone may look another.
        return same_picture.same(self._whole(one), self._whole(other))

    def _reduced(self, position: int) -> NDArray[np.float32]:
        item = self.shown(position)
        if item is not None:
            return same_picture.reduced(item)
        return self._whole(position)

    def _whole(self, position: int) -> NDArray[np.float32]:
        with Image.open(self._paths[position]) as image:
            return same_picture.reduced(image)


def _in_cells(place: tuple[float, float, float, float], stored: Path) -> Box | None:
    """The cells that a rectangle touches, as ``contracts.empty_view.item_box`` would give them."""
    with Image.open(stored) as image:
        columns, rows = image.size
    left, top, right, bottom = place
    cells = np.zeros((GRID_ROWS, GRID_COLUMNS), np.bool_)
    # A cell of which less than a quarter is covered hardly differs.
    down = slice(round(top * GRID_ROWS - 0.25), max(1, round(bottom * GRID_ROWS + 0.25)))
    across = slice(round(left * GRID_COLUMNS - 0.25), max(1, round(right * GRID_COLUMNS + 0.25)))
    cells[down, across] = True
    return box_of(cells, columns=columns, rows=rows)


def _grids(photos: Sequence[Photo]) -> NDArray[np.uint8]:
    flat = np.frombuffer(b"".join(photo.grid for photo in photos), np.uint8)
    return flat.reshape(-1, GRID_ROWS, GRID_COLUMNS, 3)
