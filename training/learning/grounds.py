# SPDX-License-Identifier: Apache-2.0
"""Backgrounds for training items: drawn surfaces, and the dataset's empty views.

Drawn ones only need to differ from each other and from the photos' own backgrounds: a model that
has seen items on hundreds of them learns to ignore the background.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DRAWN = 96
_CROPS = 4
"""How many pieces of each empty view are used, because an item may be anywhere on it."""
_LARGEST = 64

Grounds = NDArray[np.uint8]


def grounds(side: int, *, seed: int, backgrounds: Sequence[Path] = ()) -> Grounds:
    """Surfaces uint8 [N, side, side, 3]; half of them are pieces of ``backgrounds``, if given."""
    rng = np.random.default_rng(seed)
    drawn = [_surface(rng, side) for _ in range(DRAWN)]
    chosen = np.linspace(0, len(backgrounds) - 1, min(len(backgrounds), _LARGEST)).astype(int)
    given: list[NDArray[np.uint8]] = []
    for index in chosen:
        with Image.open(backgrounds[index]) as image:
            view = image.convert("RGB")
        given += [_piece(view, rng, side) for _ in range(_CROPS)]
    # Half of each kind: the camera's own view is what the model will see most.
    repeats = -(-DRAWN // len(given)) if given else 0
    return np.stack([*drawn, *(given * repeats)[: max(DRAWN, len(given))]])


def _piece(view: Image.Image, rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    share = float(rng.uniform(0.2, 0.9))
    width, height = max(8, round(view.width * share)), max(8, round(view.height * share))
    left, top = rng.integers(0, view.width - width + 1), rng.integers(0, view.height - height + 1)
    part = view.crop((int(left), int(top), int(left) + width, int(top) + height))
    return np.asarray(part.resize((side, side), Image.Resampling.BILINEAR))


def _surface(rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """A plain colour under a slope of light, with one of five patterns and a grain."""
    grey = rng.uniform(25, 245)
    # Most trays are grey, some are painted.
    spread = 8 if rng.random() < 0.6 else 70
    colour = np.clip(grey + rng.uniform(-spread, spread, 3), 0, 255)
    light = 1 + rng.uniform(-0.25, 0.25, 2)[:, None] * np.linspace(-1, 1, side)
    field = light[0][None, :] * light[1][:, None]
    pattern = (_plain, _cloudy, _brushed, _lined, _speckled)[int(rng.integers(5))]
    field = field * (1 + pattern(rng, side))
    noise = rng.normal(0, rng.uniform(0, 5), (side, side, 1))
    return np.asarray(np.clip(field[:, :, None] * colour + noise, 0, 255), np.uint8)


def _plain(_rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    return np.zeros((side, side))


def _cloudy(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Stains, marble, worn paint."""
    cells = int(rng.choice([3, 6, 12, 24]))
    return rng.uniform(0.05, 0.3) * _enlarged(rng.normal(0, 0.6, (cells, cells)), side)


def _brushed(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Steel: streaks along one direction, a broad reflection across it."""
    streaks = rng.normal(0, rng.uniform(0.01, 0.06), side)[:, None] * np.ones(side)
    place, width = rng.uniform(-1, 1), rng.uniform(0.2, 0.8)
    glare = np.exp(-(((np.linspace(-1, 1, side) - place) / width) ** 2))
    field = streaks + rng.uniform(0, 0.4) * glare[None, :]
    return field if rng.random() < 0.5 else field.T


def _lined(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Planks, tiles, a grid or a belt's ribs."""
    field = np.zeros((side, side))
    step, thick = int(rng.integers(side // 12, side // 2)), int(rng.integers(1, max(2, side // 40)))
    depth = rng.uniform(-0.35, 0.2)
    for axis in range(2 if rng.random() < 0.5 else 1):
        for start in range(int(rng.integers(step)), side, step):
            field[(slice(None),) * axis + (slice(start, start + thick),)] = depth
    field += 0.04 * _enlarged(rng.normal(0, 1, (8, 8)), side)
    return field if rng.random() < 0.5 else field.T


def _speckled(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Stone, cork, cloth, litter."""
    fine = rng.normal(0, 1, (side, side))
    coarse = _enlarged(rng.normal(0, 1, (side // 3, side // 3)), side)
    return rng.uniform(0.03, 0.15) * (fine + coarse)


def _enlarged(cells: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    image = Image.fromarray(cells.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), np.float64)
