# SPDX-License-Identifier: Apache-2.0
"""Where a frame differs from the empty view: used by the camera, by training and by evaluation.

Frames are compared as mean colours in a coarse grid, so that noise averages out. Numpy only.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from contracts.cut import BLOCK, Box
from contracts.preprocessing import Pixels

GRID_ROWS, GRID_COLUMNS = 18, 24
CELL_DIFFERS = 14.0
"""Levels of 255 in any colour; sensor noise averaged over a cell is far smaller."""
APPEARS, DISAPPEARS = 0.03, 0.015
"""Share of cells that must differ for something to appear, and below which it is gone again."""
SMALL_ITEM = 8
"""Connected cells that count as an item even if they are fewer than ``APPEARS``."""
APART = 2
"""Largest distance in cells between pieces of one item; pieces farther apart are separate items."""
_LIGHT = (0.4, 2.5)
"""Largest brightness ratio that lamps and clouds cause; a larger one means a covered lens."""
_WHITE = 1.2
"""Largest ratio between the changes of two colours: lamps change all colours about equally."""

Grid = NDArray[np.float32]
Cells = NDArray[np.bool_]


def grid(frame: Pixels, *, divisor: int = 1) -> Grid:
    """Mean colours ``[18, 24, 3]`` of a frame that was decoded at 1/``divisor``.

    Colour and not brightness alone: a green bottle on a grey table can be exactly as bright. The
    cells are made of whole blocks of a JPEG, so that their means are the same at every scale.
    """
    unit = max(BLOCK // divisor, 1)
    height, width = frame.shape[:2]
    if -(-height // unit) < GRID_ROWS or -(-width // unit) < GRID_COLUMNS:
        unit = 1
    lines = frame.reshape(height, width * 3)
    if unit > 1 and height % unit == 0:
        # Adding up the lines of one block as integers first halves the cost.
        sums = lines[::unit].astype(np.uint16)
        for line in range(1, unit):
            sums += lines[line::unit]
        tall = _means(height // unit, GRID_ROWS, 1) @ (sums.astype(np.float32) / np.float32(unit))
    else:
        tall = _means(height, GRID_ROWS, unit) @ lines.astype(np.float32)
    cells: Grid = np.matmul(_means(width, GRID_COLUMNS, unit), tall.reshape(GRID_ROWS, width, 3))
    return cells


def item_box(empty: Grid, frame: Grid, *, columns: int, rows: int) -> Box | None:
    """The item's box in a frame of ``columns`` x ``rows`` pixels; None if there is no item.

    ``empty`` and ``frame`` are grids of the same camera. This looks at a single frame; the camera
    also keeps the box steady over several frames.
    """
    cells = differing(frame, in_this_light(empty, frame))
    if not appears(cells):
        return None
    return box_of(largest_group(cells), columns=columns, rows=rows)


def appears(cells: Cells) -> bool:
    """Whether enough cells differ to conclude that something came into view.

    Either they are more than ``APPEARS`` of the view, or ``SMALL_ITEM`` of them are connected and
    include a square of four cells. The rim of an item or reflection contains no such square.
    """
    count = int(np.count_nonzero(cells))
    if count > APPEARS * cells.size:
        return True
    if count < SMALL_ITEM:
        return False
    return any(
        group.bit_count() >= SMALL_ITEM and _has_square(group) for group in _groups(_bits(cells))
    )


def differing(one: Grid, other: Grid) -> Cells:
    """Cells ``[18, 24]`` in which two grids differ."""
    cells: Cells = np.max(np.abs(one - other), axis=2) > CELL_DIFFERS
    return cells


def in_this_light(empty: Grid, frame: Grid) -> Grid:
    """The empty view as it would look in the light of this frame."""
    plain = float(np.mean(differing(frame, empty)))
    if plain <= DISAPPEARS:
        return empty
    gains = np.median((frame + 1) / (empty + 1), axis=(0, 1))
    if not (_LIGHT[0] < gains.min() and gains.max() < min(_LIGHT[1], _WHITE * gains.min())):
        return empty
    lit: Grid = np.clip(empty * gains, 0, 255).astype(np.float32)
    # An item changes a part of the view; only light changes most of it at once.
    return lit if float(np.mean(differing(frame, lit))) < 0.3 * plain else empty


def groups(cells: Cells) -> list[Cells]:
    """Separate things, largest first: cells that are joined over gaps of up to ``APART``.

    Only the cap and the label of a transparent bottle differ, yet it is one thing.
    """
    found = sorted(_groups(_bits(cells)), key=int.bit_count, reverse=True)
    return [_cells(group) for group in found]


def near(cells: Cells) -> Cells:
    """These cells and those close enough to belong to the same thing."""
    return _cells(_widened(_bits(cells), APART))


def largest_group(cells: Cells) -> Cells:
    """The largest of ``groups``; no cells if there is none."""
    return next(iter(groups(cells)), cells)


def box_of(cells: Cells, *, columns: int, rows: int) -> Box | None:
    """The rectangle around cells, in the pixels of a frame of ``columns`` x ``rows``."""
    down, across = (np.flatnonzero(cells.any(axis=axis)) for axis in (1, 0))
    if not len(down):
        return None
    unit = BLOCK
    if -(-rows // BLOCK) < GRID_ROWS or -(-columns // BLOCK) < GRID_COLUMNS:
        unit = 1
    x, y = _edges(columns, GRID_COLUMNS, unit), _edges(rows, GRID_ROWS, unit)
    left, top = int(x[across[0]]), int(y[down[0]])
    right, bottom = int(x[across[-1] + 1]), int(y[down[-1] + 1])
    return Box(left, top, max(right, left + 1), max(bottom, top + 1))


def common_view(grids: Sequence[Grid]) -> Grid | None:
    """The empty view that photos of one fixed camera have in common; None if there is none.

    Each cell is the mean over the largest set of photos that agree on it: items change, the view
    behind them does not. At least 5 photos are needed; of very many, an evenly spread sample is
    used.
    """
    if len(grids) < _FEWEST_PHOTOS:
        return None
    chosen = np.linspace(0, len(grids) - 1, min(len(grids), _MOST_PHOTOS)).astype(np.intp)
    stack = np.stack([grids[index] for index in chosen])
    view = np.empty(stack.shape[1:], dtype=np.float32)
    agreeing = np.empty(stack.shape[:3], dtype=np.bool_)
    for row in range(stack.shape[1]):
        line = stack[:, row]
        near = np.max(np.abs(line[:, None] - line[None, :]), axis=3) <= CELL_DIFFERS
        best = near.sum(axis=1).argmax(axis=0)
        found = near[best, :, np.arange(line.shape[1])].T
        agreeing[:, row] = found
        view[row] = np.sum(line * found[:, :, None], axis=0) / found.sum(axis=0)[:, None]
    known = agreeing.mean(axis=0) >= _AGREE
    same_place = np.median(agreeing.mean(axis=(1, 2))) >= _MOSTLY
    return view if float(known.mean()) >= _NEARLY_ALL and same_place else None


_FEWEST_PHOTOS, _MOST_PHOTOS = 5, 100
_AGREE, _NEARLY_ALL = 0.3, 0.9
"""Share of photos that must agree on a cell, and share of cells with such agreement."""
_MOSTLY = 0.5
"""Smallest share of a photo's cells that must show the empty view."""


_STRIDE = 32
"""Bits per row: 24 cells plus padding, so that widened cells never reach another row."""
_INSIDE = sum(((1 << GRID_COLUMNS) - 1) << (row * _STRIDE) for row in range(GRID_ROWS))


def _bits(cells: Cells) -> int:
    """All cells as one integer: on so small a grid, bit shifts are 30 times faster than arrays."""
    rows = np.zeros((GRID_ROWS, _STRIDE), dtype=np.bool_)
    rows[:, :GRID_COLUMNS] = cells
    return int.from_bytes(np.packbits(rows, bitorder="little").tobytes(), "little")


def _groups(left: int) -> Iterator[int]:
    """The groups of cells, in no order."""
    while left:
        grown = left & -left
        group = 0
        while grown != group:
            group = grown
            grown = _widened(group, APART + 1) & left
        yield group
        left &= ~group


def _has_square(bits: int) -> bool:
    """Whether the set contains a square of four cells."""
    pairs = bits & bits >> 1
    return bool(pairs & pairs >> _STRIDE)


def _cells(bits: int) -> Cells:
    packed = np.frombuffer(bits.to_bytes(GRID_ROWS * _STRIDE // 8, "little"), dtype=np.uint8)
    rows = np.unpackbits(packed, bitorder="little").reshape(GRID_ROWS, _STRIDE)
    return rows[:, :GRID_COLUMNS].astype(np.bool_)


def _widened(bits: int, by: int) -> int:
    """Cells and all that are at most ``by`` rows and columns away."""
    for _ in range(by):
        bits |= bits << 1 | bits >> 1
    for _ in range(by):
        bits |= bits << _STRIDE | bits >> _STRIDE
    return bits & _INSIDE


@lru_cache(maxsize=16)
def _edges(size: int, count: int, unit: int) -> NDArray[np.intp]:
    """Borders, in pixels, of ``count`` groups of whole units of about equal size."""
    edges = np.linspace(0, -(-size // unit), count + 1).astype(np.intp) * unit
    return np.minimum(edges, size)


@lru_cache(maxsize=16)
def _means(size: int, count: int, unit: int) -> NDArray[np.float32]:
    """Matrix ``[count, size]`` that takes the mean over each group."""
    weights = np.zeros((count, size), dtype=np.float32)
    for row, (start, end) in enumerate(pairwise(_edges(size, count, unit))):
        # A picture of fewer pixels than cells has cells that share a pixel.
        weights[row, start : max(end, start + 1)] = 1 / max(end - start, 1)
    return weights
