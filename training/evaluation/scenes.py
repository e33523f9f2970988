# SPDX-License-Identifier: Apache-2.0
"""Makes frames like those of a camera over a tray: test photos shrunk onto views."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from contracts.cut import CutRule, cut, decode_divisor
from contracts.empty_view import grid, item_box
from training.outlines import outline

COLUMNS, ROWS = 640, 480
SIZES = (0.5, 0.35, 0.25)
"""Width of the item as a share of the view's width. 1 is the photo itself."""
OWN, CUT_OUT = "its own ground", "cut out, on a colour"
_FEATHER = 0.02
_NOISE = 2.0
_TALLEST = 0.9
_COLOURS = ((52, 92, 150), (150, 60, 52), (60, 120, 70), (205, 170, 60))

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """A frame and its empty view, uint8 [480, 640, 3]."""

    empty: Frame
    frame: Frame

    def seen(self, rule: CutRule | None, *, size: int) -> tuple[Frame, bool]:
        """The model's input by the camera's own cut, and whether the item was found."""
        box = item_box(grid(self.empty), grid(self.frame), columns=COLUMNS, rows=ROWS)
        region = (rule or CutRule()).region(
            box if rule else None, columns=COLUMNS, rows=ROWS, width=size, height=size
        )
        divisor = decode_divisor(region, columns=COLUMNS, rows=ROWS, width=size, height=size)
        frame = self.frame
        if divisor > 1:
            reduced = Image.fromarray(frame).reduce(divisor)
            frame = np.asarray(reduced)
        return cut(frame, region, width=size, height=size, divisor=divisor), box is not None


def drawn_views() -> Mapping[str, Frame]:
    """The plain views that every model is measured on, by name."""
    rng = np.random.default_rng(0)
    steel = 150 + 40 * np.exp(-(((np.linspace(-1, 1, COLUMNS) - 0.3) / 0.5) ** 2))[None, :]
    streaks = rng.normal(0, 3, (ROWS, 1))
    metal = (steel + streaks)[:, :, None] * np.array([0.97, 1.0, 1.02])
    return {
        "grey": np.full((ROWS, COLUMNS, 3), 128, np.uint8),
        "steel": np.clip(metal, 0, 255).astype(np.uint8),
    }


def on_view(photo: Image.Image, view: Frame | None, *, share: float, seed: int) -> Scene:
    """A photo of an item shrunk to ``share`` of a view's width, somewhere on it, feathered.

    With ``view`` None, the photo's own background is extended over the whole view.
    """
    if view is None:
        colour = outline(np.asarray(photo))[1]
        view = np.broadcast_to(colour, (ROWS, COLUMNS, 3)).astype(np.uint8)
    width, height = _size(photo, share)
    item = photo.resize((width, height), Image.Resampling.BICUBIC)
    edge = max(2, round(_FEATHER * width))
    mask = Image.new("L", (width, height), 0)
    mask.paste(255, (edge, edge, width - edge, height - edge))
    return _scene(view, item, mask.filter(ImageFilter.GaussianBlur(edge / 2)), seed)


def cut_out(photo: Image.Image, *, share: float, seed: int) -> Scene | None:
    """The item alone on a coloured view; None if its outline on the photo is unclear."""
    found = outline(np.asarray(photo))[0]
    if found is None:
        return None
    mask = Image.fromarray(found).resize(photo.size, Image.Resampling.BICUBIC)
    box = Image.fromarray(found).getbbox()
    across, down = photo.width / found.shape[1], photo.height / found.shape[0]
    left, top, right, bottom = box if box else (0, 0, *found.shape[::-1])
    place = (round(left * across), round(top * down), round(right * across), round(bottom * down))
    item, mask = photo.crop(place), mask.crop(place)
    width, height = _size(item, share)
    colour = _COLOURS[seed % len(_COLOURS)]
    view = np.broadcast_to(np.array(colour, np.uint8), (ROWS, COLUMNS, 3))
    return _scene(
        view,
        item.resize((width, height), Image.Resampling.BICUBIC),
        mask.resize((width, height), Image.Resampling.BICUBIC),
        seed,
    )


def _size(item: Image.Image, share: float) -> tuple[int, int]:
    factor = min(share * COLUMNS / item.width, _TALLEST * ROWS / item.height)
    return max(8, round(item.width * factor)), max(8, round(item.height * factor))


def _scene(view: Frame, item: Image.Image, mask: Image.Image, seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    left = int(rng.integers(0, COLUMNS - item.width + 1))
    top = int(rng.integers(0, ROWS - item.height + 1))
    shown = Image.fromarray(view)
    shown.paste(item, (left, top), mask)
    return Scene(_noisy(view, rng), _noisy(np.asarray(shown), rng))


def _noisy(picture: Frame, rng: np.random.Generator) -> Frame:
    noise = rng.normal(0, _NOISE, picture.shape[:2]).astype(np.float32)
    return np.asarray(np.clip(picture + noise[:, :, None], 0, 255), np.uint8)
