# SPDX-License-Identifier: Apache-2.0
"""What of each photo is compared with the others: the item on its view, or else the whole photo."""

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
    unlike,
)

_REMEMBERED = 2000
_TRIED = 24
_ONE_PLACE, _MOVES = 3.0, 0.02
"""Levels of 255 between the view and half of a photo of it, light put aside; share of the view by
which places of items differ, as a standard deviation."""


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
        """Whether photos agree with the view in detail, not only in being plain.

        Where they do, half of a photo is within 1 level; of plain grounds of different photos
        (TrashNet, the drawn sample) it is 5 to 12. Unless the view was given, what lies on it must
        lie here and there: ten shots of one object, from one place, are no view but copies.
        """
        steps = np.linspace(0, len(view.members) - 1, min(len(view.members), _TRIED)).astype(int)
        some = [fine(self._paths[view.members[step]]) for step in steps]
        if float(np.median([unlike(model, small) for _, small in some])) > _ONE_PLACE:
            return False
        found = [item.box for pair in some if (item := item_on(model, *pair)) is not None]
        boxes = np.array(found).reshape(-1, 2, 2)
        moves = len(found) > 1 and float(boxes.mean(axis=1).std(axis=0).max()) >= _MOVES
        return bool(view.given) or (len(found) >= len(some) / 2 and moves)

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

        Of what is hardly to be seen on its view (white paper on white) nobody can say so.
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
