# SPDX-License-Identifier: Apache-2.0
"""Finds the photos of one fixed camera and the item on each of them.

Such photos differ in a tenth of their area only. Compared as whole frames they are all copies of
one another, whatever is on them; so they are compared by what differs from the view that they have
in common, or from an empty view that the dataset brings.

Two photos are of one view when three of four cells of a coarse grid agree, brightness and a slope
of light put aside. A view is found where five photos or more hang together so; its picture is the
median over some of them, because an item is at one place in one photo and elsewhere in the next.
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]

from contracts.empty_view import GRID_COLUMNS, GRID_ROWS
from training.dataset.light import DARK, light, plane, planes_of

FEWEST_PHOTOS = 5

_SAMPLE = 800
_AGREES = np.array([[8], [12], [12]], np.int8)
"""Hundredths of a natural logarithm, about per cent: of grey, of red and of blue against green."""
_SEEDS, _BELONGS = 0.75, 0.6
"""Share of cells that agree between two photos, and between a photo and the view's median."""
_AT_ONCE = 1000
_WIDE, _TALL = 128, 96
_LOOKED_AT = 48
_DIFFERS, _NOISE = 12.0, 5.0
_SMALLEST, _MOST = 0.0015, 0.5
_MARGIN = 0.06
_ONE_PLACE = 2.2

Grids = NDArray[np.uint8]
Model = NDArray[np.float32]
"""An empty view: [96, 128, 3], 0 to 255."""


@dataclass(frozen=True)
class View:
    """A fixed camera's photos, by position in the dataset; ``given``: empty views that came along,
    by position among these.
    """

    members: tuple[int, ...]
    given: tuple[int, ...]


@dataclass(frozen=True)
class Item:
    """What lies on a view: RGB, in the view's own light; ``box``: where, as shares of the view."""

    picture: Image.Image
    box: tuple[float, float, float, float]

    @property
    def small(self) -> bool:
        """Not so with photos that an item fills: their view is a plain ground at most."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top) <= _MOST


def find_views(grids: Grids, given: Grids) -> list[View]:
    """The views among photos, from ``[N, 18, 24, 3]`` grids of mean colours; largest first.

    ``given`` are the grids of empty views, each of which is a view however few photos have it.
    """
    flat, empty = _evened(grids), _evened(given)
    references = _leaders(empty, fewest=1)
    chosen = np.linspace(0, len(flat) - 1, min(len(flat), _SAMPLE)).astype(np.intp)
    found = _leaders(flat[chosen], fewest=FEWEST_PHOTOS) if len(flat) else []
    references += [one for one in found if not _agreement(one, references)]
    if not references:
        return []
    stack = np.stack(references)
    own, share = _nearest(flat, stack)
    of_given = _nearest(empty, stack)[0]
    views = []
    for number in range(len(references)):
        members = np.flatnonzero((own == number) & (share >= _BELONGS))
        backgrounds = np.flatnonzero(of_given == number)
        if len(members) and (len(members) >= FEWEST_PHOTOS or len(backgrounds)):
            views.append(View(tuple(members.tolist()), tuple(backgrounds.tolist())))
    return sorted(views, key=lambda view: len(view.members), reverse=True)


def model_of(view: View, paths: Sequence[Path], given: Sequence[Path]) -> Model:
    """The empty view: from the pictures that came along, else from the photos themselves."""
    steps = np.linspace(0, len(view.members) - 1, min(len(view.members), _LOOKED_AT)).astype(int)
    looked = [given[one] for one in view.given] or [paths[view.members[step]] for step in steps]
    return _median([fine(path)[1] for path in looked])


def items_of(view: View, model: Model, paths: Sequence[Path]) -> Iterator[tuple[int, Item | None]]:
    """Members of a view and what lies on them; those that are of another place in detail are left
    out. Pictures are read again, in a few threads.
    """

    def look(position: int) -> tuple[bool, Item | None]:
        pair = fine(paths[position])
        return of_one_place(model, pair[1]), item_on(model, *pair)

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(view.members), _AT_ONCE):
            some = view.members[start : start + _AT_ONCE]
            for position, (belongs, item) in zip(some, pool.map(look, some), strict=True):
                if belongs:
                    yield position, item


def item_on(model: Model, picture: Image.Image, small: Model) -> Item | None:
    """What differs between a picture and the empty view: its rectangle, with a little margin.

    ``small`` is the picture as ``fine`` reduces it. None where nothing differs.
    """
    gains = light(model, small)
    apart = _apart(model, small * gains)
    limit = max(_DIFFERS, _NOISE * float(np.median(apart)))
    mask = ndimage.binary_opening(apart > limit, np.ones((2, 2), bool))
    # A transparent bottle differs in its cap and its label only, and is one thing all the same.
    labels, count = ndimage.label(ndimage.maximum_filter(mask, 9))
    if not count:
        return None
    areas = ndimage.sum_labels(mask, labels, np.arange(1, count + 1))
    if areas.max() < _SMALLEST * mask.size:
        return None
    rows, columns = np.nonzero(mask & (labels == 1 + int(areas.argmax())))
    left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    margin = _MARGIN * max(right - left, bottom - top) + 1
    across, down = picture.width / _WIDE, picture.height / _TALL
    box = (
        max(0, math.floor((left - margin) * across)),
        max(0, math.floor((top - margin) * down)),
        min(picture.width, math.ceil((right + margin) * across)),
        min(picture.height, math.ceil((bottom + margin) * down)),
    )
    here = gains[(top + bottom) // 2, (left + right) // 2]
    pixels = np.asarray(picture.crop(box), np.float32) * here
    place = (left / _WIDE, top / _TALL, right / _WIDE, bottom / _TALL)
    return Item(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), place)


def of_one_place(model: Model, small: Model) -> bool:
    """Whether a picture agrees with the view in detail, not only in being as plain.

    Half of a photo of the view is within 1 level, light put aside; of shots from a hand it is 2.3
    to 3, of plain grounds of different photos (TrashNet, the drawn sample) 5 to 12.
    """
    apart = _apart(model, small * light(model, small))
    return float(np.median(apart)) <= _ONE_PLACE


def _apart(model: Model, lit: Model) -> NDArray[np.float32]:
    difference = ndimage.uniform_filter(lit - model, (3, 3, 1))
    return np.asarray(np.abs(difference).max(axis=2), np.float32)


def fine(path: Path) -> tuple[Image.Image, Model]:
    """A photo, and the same in float32 [96, 128, 3] for comparing."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    small = picture.resize((_WIDE, _TALL), Image.Resampling.BOX)
    return picture, np.asarray(small, np.float32)


def _median(pictures: Sequence[Model]) -> Model:
    """The empty view: the median over pictures, all in the light of the one in the middle."""
    brightness = np.array([picture.mean() for picture in pictures])
    model = pictures[int(np.argsort(brightness)[len(pictures) // 2])]
    for _ in range(2):
        # The first round still has an item on it, which the second has not.
        lit = np.stack([picture * light(model, picture) for picture in pictures])
        model = np.median(lit, axis=0).astype(np.float32)
    return model


def _evened(grids: Grids) -> NDArray[np.int8]:
    """Grids without brightness and slope of light: [N, 3, cells], in hundredths of a logarithm.

    Grey first; then red and blue against green, of which only the shade of the lamp is put aside
    when two photos are compared.
    """
    parts = [
        _evened_some(grids[start : start + _AT_ONCE]) for start in range(0, len(grids), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 3, GRID_ROWS * GRID_COLUMNS), np.int8)


def _evened_some(grids: Grids) -> NDArray[np.int8]:
    flat = grids.reshape(len(grids), GRID_ROWS * GRID_COLUMNS, 3)
    logs = np.log(flat.astype(np.float32) + DARK)
    grey, basis = logs.mean(axis=2), plane(GRID_ROWS, GRID_COLUMNS)
    even = grey - planes_of(grey, basis) @ basis.T
    stacked = np.stack([even, logs[..., 0] - logs[..., 1], logs[..., 2] - logs[..., 1]], axis=1)
    return np.asarray(np.clip(np.rint(100 * stacked), -63, 63), np.int8)


def _agree(rows: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.float32]:
    """For each row the share of cells that agree with ``other``."""
    near = np.abs(rows - other) <= _AGREES
    return np.asarray(near.all(axis=1).mean(axis=1), np.float32)


def _agreement(one: NDArray[np.int8], others: list[NDArray[np.int8]]) -> bool:
    return bool(others) and bool((_agree(np.stack(others), one) >= _SEEDS).any())


def _leaders(rows: NDArray[np.int8], *, fewest: int) -> list[NDArray[np.int8]]:
    """The medians of groups of ``fewest`` rows or more that agree with one of them."""
    if len(rows) < fewest:
        return []
    with ThreadPoolExecutor() as pool:
        near = np.stack(list(pool.map(lambda row: _agree(rows, row) >= _SEEDS, rows)))
    left = np.ones(len(rows), bool)
    found: list[NDArray[np.int8]] = []
    while True:
        counts = (near & left).sum(axis=1) * left
        if counts.max() < fewest:
            return found
        members = near[int(counts.argmax())] & left
        found.append(np.median(rows[members], axis=0).astype(np.int8))
        left &= ~members


def _nearest(
    rows: NDArray[np.int8], references: NDArray[np.int8]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each row the reference that it agrees with most, and in what share of the cells."""
    if not len(rows):
        return np.empty(0, np.intp), np.empty(0, np.float32)
    shares = np.stack([_agree(rows, reference) for reference in references])
    return shares.argmax(axis=0), shares.max(axis=0)
