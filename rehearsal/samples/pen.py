# SPDX-License-Identifier: Apache-2.0
"""Drawing helpers for the sample pictures."""

import random
from collections.abc import Sequence

from PIL import Image, ImageDraw

SIDE = 100
"""Items are drawn on a square of this many units."""
_SCALE = 4

Colour = tuple[int, int, int]
Point = tuple[float, float]


class Pen:
    """Draws on a transparent square in units, with the item's own random numbers."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.image = Image.new("RGBA", (SIDE * _SCALE, SIDE * _SCALE), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.image)

    def around(self, value: float, spread: float) -> float:
        return value + self.rng.uniform(-spread, spread)

    def tone(self, *choices: Colour, spread: int = 14) -> Colour:
        """One of the colours, moved a little."""
        red, green, blue = (
            max(0, min(255, round(self.around(part, spread)))) for part in self.rng.choice(choices)
        )
        return red, green, blue

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        self._draw.polygon([(x * _SCALE, y * _SCALE) for x, y in points], fill=fill)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        box = [part * _SCALE for part in (x - rx, y - ry, x + rx, y + ry)]
        self._draw.ellipse(box, fill=fill)

    def box(self, corners: tuple[float, float, float, float], fill: Colour, r: float = 0) -> None:
        box = [part * _SCALE for part in corners]
        self._draw.rounded_rectangle(box, radius=r * _SCALE, fill=fill)

    def line(self, points: Sequence[Point], fill: Colour, width: float = 1) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._draw.line(scaled, fill=fill, width=max(1, round(width * _SCALE)), joint="curve")


def shade(colour: Colour, factor: float) -> Colour:
    """Darker (below 1) or lighter."""
    red, green, blue = (max(0, min(255, round(part * factor))) for part in colour)
    return red, green, blue
