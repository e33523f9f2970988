# SPDX-License-Identifier: Apache-2.0
"""A scripted stream of items: arrivals, departures, hands, light, swaps.

Made of drawn things or, where there are any, of real photos laid on a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.float32]
WIDTH, HEIGHT = 640, 360
LABELS = ("cardboard", "glass", "metal", "paper", "plastic", "trash")
HAND = np.array([205, 155, 130], dtype=np.float32)
_SKIN_NOISE = 6
PLAIN = ("plain", "fast", "hand", "pushed", "covered", "swap")
HARD = ("shadow", "lamp", "edge", "hand", "pushed", "plain")


@dataclass(frozen=True)
class Shown:
    """A frame, and the number of the item that is in view (-1: none)."""

    rgb: NDArray[np.uint8]
    item: int


class Script:
    """A bin's day, always the same for the same seed. ``labels`` are the items' classes.

    ``gap``: so many empty frames between two items; ``pauses``: now and then very many. ``hard``:
    items cast shadows, a lamp sways over the view, items lie at its edge, and the light drifts as
    over a day.
    """

    def __init__(
        self,
        *,
        items: int,
        seed: int = 1,
        photos: Path | None = None,
        gap: tuple[int, int] = (5, 25),
        pauses: bool = True,
        hard: bool = False,
    ) -> None:
        self._gap, self._pauses, self._hard = gap, pauses, hard
        self._lamp, self._shown = False, 0
        self._random = np.random.default_rng(seed)
        self._items = items
        self._photos = _by_class(photos)
        self.labels: list[str] = []
        self.kinds: list[str] = []
        down, right = np.mgrid[0:HEIGHT, 0:WIDTH]
        table = 120 + 15 * np.sin(right / 90) + 10 * np.cos(down / 70)
        self._table = np.stack([table + 12, table + 4, table - 14], axis=2).astype(np.float32)
        self.light = 1.0
        # A few pictures of noise in turn: drawing it anew costs more than the whole camera.
        self._noise = self._random.normal(0, 2.5, (16, HEIGHT, WIDTH, 3)).astype(np.float32)

    def frames(self) -> Iterator[Shown]:
        """The whole day."""
        yield from self._empty(40)
        number = 0
        while number < self._items:
            kind = self._random.choice(HARD if self._hard else PLAIN)
            if kind == "swap" and number + 1 < self._items:
                yield from self._item(number, "plain", leave=False)
                yield from self._item(number + 1, "replacing", leave=True)
                number += 2
            else:
                yield from self._item(number, "plain" if kind == "swap" else str(kind), leave=True)
                number += 1
            yield from self._empty(int(self._random.integers(*self._gap)))
            if self._random.random() < 0.15 and not self._hard:
                self.light = float(self._random.uniform(0.7, 1.35))
                yield from self._empty(10)
            if self._random.random() < 0.03 and self._pauses:
                yield from self._empty(300)

    def _item(self, number: int, kind: str, *, leave: bool) -> Iterator[Shown]:
        picture, label = self._thing()
        self.labels.append(label)
        self.kinds.append(kind)
        size = picture.shape[0]
        left = int(self._random.integers(60, WIDTH - size - 60))
        top = int(self._random.integers(10, HEIGHT - size - 10))
        stay = (
            int(self._random.integers(4, 7))
            if kind == "fast"
            else int(self._random.integers(10, 30))
        )
        if kind == "edge":
            left = int(self._random.choice([-size // 3, WIDTH - size + size // 3]))
            top = int(self._random.choice([top, -size // 4]))
        self._lamp = kind == "lamp"
        carried = kind in {"hand", "replacing"}
        if kind != "fast":
            for step in range(3 if kind != "replacing" else 2):
                # Slides in from the side; in a hand or thrown.
                start = -size if left < WIDTH // 2 else WIDTH
                x = int(start + (left - start) * (step + 1) / 3)
                yield self._show(number, [(picture, x, top)], hand=(x, top) if carried else None)
        shadow = _shadow(left, top, size) if kind == "shadow" else None
        for step in range(stay):
            x, y, hand = left, top, None
            if kind == "pushed" and step > stay // 2:
                x, y = left + 40, top - min(top, 8)
            if kind == "covered" and stay // 2 <= step < stay // 2 + 4:
                hand = (left + 10, top)
            yield self._show(number, [(picture, x, y)], hand=hand, shadow=shadow)
        self._lamp = False
        if leave and kind == "hand":
            for step in range(3):
                x = left + (WIDTH - left) * (step + 1) // 3
                yield self._show(number, [(picture, x, top)], hand=(x, top))

    def _thing(self) -> tuple[Picture, str]:
        label = LABELS[int(self._random.integers(len(LABELS)))]
        if self._photos:
            paths = self._photos[label]
            with Image.open(paths[int(self._random.integers(len(paths)))]) as image:
                side = int(self._random.integers(170, 260))
                rgb = np.asarray(image.convert("RGB").resize((side, side)), dtype=np.float32)
            return rgb, label
        side = int(self._random.integers(90, 200))
        colour: Any = self._random.uniform(20, 235, 3)
        while np.abs(colour - self._table[0, 0]).max() < 40:
            colour = self._random.uniform(20, 235, 3)
        texture = self._random.normal(0, 12, (side // 8 + 1, side // 8 + 1, 1))
        rgb = colour + texture.repeat(8, axis=0).repeat(8, axis=1)[:side, :side]
        return rgb.astype(np.float32), label

    def _empty(self, count: int) -> Iterator[Shown]:
        for _ in range(count):
            yield self._show(-1, [])

    def _show(
        self,
        number: int,
        things: list[tuple[Picture, int, int]],
        *,
        hand: tuple[int, int] | None = None,
        shadow: Picture | None = None,
    ) -> Shown:
        self._shown += 1
        rgb = self._table.copy()
        if shadow is not None:
            rgb *= shadow
        if self._lamp:
            rgb *= _lamp(self._shown)
        for picture, x, y in things:
            _paste(rgb, picture, x, y)
        if hand is not None:
            arm = HAND + self._random.normal(0, _SKIN_NOISE, (HEIGHT, 70, 1)).astype(np.float32)
            _paste(rgb, arm[: HEIGHT - hand[1]], hand[0] + 30, hand[1] + 20)
        rgb *= self.light
        if self._hard:
            # A whole day in 6000 frames: darker by a quarter, and warmer.
            dusk = (1 - np.cos(self._shown * 2 * np.pi / 6000)) / 2
            rgb *= 1 - dusk * np.array([0.15, 0.22, 0.3], dtype=np.float32)
        rgb += self._noise[int(self._random.integers(len(self._noise)))]
        return Shown(np.clip(rgb, 0, 255).astype(np.uint8), number)


def _shadow(left: int, top: int, size: int) -> Picture:
    """What an item's shadow leaves of the light: soft, as long again as the item."""
    down, right = np.mgrid[0:HEIGHT, 0:WIDTH]
    across = (right - left - 1.2 * size) / (0.7 * size)
    along = (down - top - 0.6 * size) / (0.45 * size)
    depth = 0.3 * np.clip(1.5 - np.hypot(across, along), 0, 1)
    return (1 - depth[:, :, None]).astype(np.float32)


def _lamp(moment: int) -> Picture:
    """A spot of light that sways over the view."""
    centre = WIDTH / 2 + 200 * np.sin(moment / 5)
    across = np.exp(-((np.arange(WIDTH) - centre) ** 2) / (2 * 90**2))
    down = np.exp(-((np.arange(HEIGHT) - HEIGHT / 2) ** 2) / (2 * 90**2))
    return (1 + 0.08 * np.outer(down, across)[:, :, None]).astype(np.float32)


def _paste(rgb: Picture, picture: Picture, x: int, y: int) -> None:
    height, width = rgb.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + picture.shape[1], width), min(y + picture.shape[0], height)
    if right > left and bottom > top:
        rgb[top:bottom, left:right] = picture[top - y : bottom - y, left - x : right - x]


def _by_class(photos: Path | None) -> dict[str, list[Path]]:
    if photos is None:
        return {}
    found = {label: sorted((photos / label).glob("*.jpg")) for label in LABELS}
    return found if all(found.values()) else {}
