# SPDX-License-Identifier: Apache-2.0
"""The things on the sample photos: each function draws one piece of trash, a little different
every time. They are drawings that are easy to distinguish, and say nothing about real accuracy.
"""

import math
from collections.abc import Callable, Iterable, Mapping

from contracts.bins import ALL_BINS, Bin
from rehearsal.samples.pen import Colour, Pen, shade


def banana_peel(pen: Pen) -> None:
    skin = pen.tone((226, 196, 52), (202, 168, 48), (190, 170, 70))
    for arm in range(4):
        angle = math.radians(pen.around(90 * arm + 45, 18))
        length, bend = pen.around(42, 4), pen.around(0.5, 0.2)
        left, right = [], []
        for step in range(9):
            part = step / 8
            turn = angle + bend * part * part
            x, y = 50 + length * part * math.cos(turn), 50 + length * part * math.sin(turn)
            half = 9 * (1 - part) ** 0.6 + 1
            left.append((x + half * math.sin(turn), y - half * math.cos(turn)))
            right.append((x - half * math.sin(turn), y + half * math.cos(turn)))
        pen.polygon([*left, *reversed(right)], skin if arm % 2 else (238, 226, 170))
        pen.line(left, shade(skin, 0.7), 0.8)
        tip = left[-1]
        pen.ellipse(tip[0], tip[1], 2, 2, (70, 50, 28))
    pen.ellipse(50, 50, 6, 6, shade(skin, 0.65))
    for _ in range(pen.rng.randint(5, 14)):
        pen.ellipse(pen.around(50, 24), pen.around(50, 24), 1.2, 0.9, (96, 66, 30))


def apple_core(pen: Pen) -> None:
    skin = pen.tone((178, 34, 40), (120, 160, 48), (196, 72, 50))
    flesh = pen.tone((236, 222, 170), (222, 196, 130))
    waist = pen.around(11, 3)
    outline = [
        (50 + side * (waist + 15 * abs(part) ** 2.2), 50 + 34 * part)
        for side, parts in ((-1, range(-8, 9)), (1, range(8, -9, -1)))
        for part in (step / 8 for step in parts)
    ]
    pen.polygon(outline, flesh)
    pen.ellipse(50, 17, 25, 8, skin)
    pen.ellipse(50, 83, 24, 8, skin)
    pen.line([(50, 15), (pen.around(54, 4), 3)], (84, 56, 30), 2)
    for offset in (-4, 4):
        pen.ellipse(50 + offset, pen.around(50, 4), 1.8, 4, (70, 40, 22))


def leaf(pen: Pen) -> None:
    green = pen.tone((70, 128, 46), (104, 140, 50), (150, 110, 44), (60, 104, 60))
    width = pen.around(22, 5)
    edge = [
        (8 + 84 * step / 24, width * math.sin(math.pi * step / 24) ** 0.8) for step in range(25)
    ]
    ragged = [(x, 50 + half * pen.around(1, 0.08)) for x, half in edge]
    pen.polygon([(x, 50 - half) for x, half in edge] + ragged[::-1], green)
    vein = shade(green, 1.45)
    pen.line([(0, 50), (92, 50)], vein, 1.4)
    for x in range(20, 84, 10):
        reach = 0.7 * width * math.sin(math.pi * (x - 8) / 84)
        pen.line([(x, 50), (x + 8, 50 - reach)], vein, 0.8)
        pen.line([(x, 50), (x + 8, 50 + reach)], vein, 0.8)


def orange_slice(pen: Pen) -> None:
    peel = pen.tone((236, 138, 30), (232, 178, 40), (214, 200, 60))
    pen.ellipse(50, 50, 40, 40, peel)
    pen.ellipse(50, 50, 36, 36, (246, 232, 196))
    start = pen.rng.uniform(0, 1)
    for wedge in range(9):
        middle = start + 2 * math.pi * wedge / 9
        rim = [
            (50 + 33 * math.cos(middle + turn), 50 + 33 * math.sin(middle + turn))
            for turn in (-0.28, -0.14, 0, 0.14, 0.28)
        ]
        heart = (50 + 5 * math.cos(middle), 50 + 5 * math.sin(middle))
        pen.polygon([heart, *rim], shade(peel, pen.around(1.05, 0.06)))


def bottle(pen: Pen) -> None:
    body = pen.tone((80, 150, 205), (110, 180, 220), (50, 110, 180))
    half = pen.around(14, 3)
    pen.box((50 - half, 30, 50 + half, 96), body, r=5)
    pen.polygon([(50 - half, 36), (50 - 5, 16), (50 + 5, 16), (50 + half, 36)], body)
    cap = pen.tone((230, 230, 235), (30, 80, 170))
    pen.box((44, 4, 56, 14), cap, r=1.5)
    pen.box((45, 13, 55, 20), shade(body, 1.1))
    label = pen.tone((240, 240, 240), (40, 90, 180))
    pen.box((50 - half, 50, 50 + half, 72), label)
    pen.box((50 - half, 58, 50 + half, 63), shade(label, 0.6))
    pen.box((50 - half + 3, 34, 50 - half + 6, 92), shade(body, 1.4), r=1)


def can(pen: Pen) -> None:
    paint = pen.tone((30, 90, 180), (150, 156, 164), (40, 60, 120))
    half = pen.around(21, 2)
    pen.box((50 - half, 16, 50 + half, 90), paint, r=5)
    pen.polygon(
        [(50 - half, 62), (50 + half, 40), (50 + half, 52), (50 - half, 74)], (240, 240, 240)
    )
    pen.box((50 - half + 4, 20, 50 - half + 9, 86), shade(paint, 1.5), r=2)
    pen.box((50 + half - 8, 20, 50 + half - 2, 86), shade(paint, 0.65), r=2)
    pen.ellipse(50, 16, half, 6.5, (196, 200, 204))
    pen.ellipse(50, 16, half - 3, 4.4, (150, 154, 160))
    pen.ellipse(pen.around(52, 2), 16.5, 5, 2, (90, 94, 98))
    pen.ellipse(50, 90, half - 2, 4, (150, 154, 160))


def cardboard_box(pen: Pen) -> None:
    brown = pen.tone((186, 142, 92), (168, 124, 78), (204, 164, 116))
    depth, top = pen.around(18, 4), pen.around(36, 4)
    pen.polygon(
        [(12, top), (12 + depth, top - 20), (92, top - 20), (92 - depth, top)], (96, 70, 42)
    )
    pen.box((12, top, 92 - depth, 88), brown)
    pen.polygon([(92 - depth, top), (92, top - 20), (92, 68), (92 - depth, 88)], shade(brown, 0.75))
    pen.polygon(
        [(12, top), (2, top - 10), (16, top - 26), (12 + depth, top - 20)], shade(brown, 1.1)
    )
    pen.box((40, top, 48, 88), shade(brown, 1.2))
    for row in range(3):
        pen.line([(18, 74 + 4 * row), (32, 74 + 4 * row)], shade(brown, 0.5), 0.8)


def newspaper(pen: Pen) -> None:
    paper = pen.tone((222, 218, 206), (234, 230, 220))
    pen.polygon([(10, 14), (88, 10), (92, 88), (14, 92)], shade(paper, 0.85))
    pen.box((10, 10, 88, 88), paper)
    pen.box((15, 14, 83, 22), (60, 60, 62))
    for column in range(3):
        left = 15 + 24 * column
        for row in range(15):
            if column == 1 and row < 7:
                continue
            pen.line(
                [(left, 28 + 4 * row), (left + pen.around(19, 2), 28 + 4 * row)], (120, 120, 120)
            )
    pen.box((39, 26, 60, 52), pen.tone((120, 130, 140), (150, 120, 100)))


def chip_bag(pen: Pen) -> None:
    foil = pen.tone((214, 50, 140), (130, 40, 160), (180, 40, 180))
    points = [(20, 10), (80, 10), (pen.around(86, 2), 50), (80, 90), (20, 90), (14, 50)]
    pen.polygon(points, foil)
    for seam in (10, 86):
        for x in range(20, 80, 4):
            pen.polygon(
                [(x, seam), (x + 2, seam - 4), (x + 4, seam), (x + 4, seam + 4), (x, seam + 4)],
                shade(foil, 0.7),
            )
    for _ in range(7):
        left, top = pen.around(50, 26), pen.around(50, 32)
        pen.polygon(
            [(left, top), (pen.around(left, 12), top + 4), (left + 3, top + 11)],
            shade(foil, pen.around(1, 0.35)),
        )
    pen.ellipse(50, 46, 19, 13, (250, 236, 90))
    pen.ellipse(50, 46, 12, 7, shade(foil, 0.8))
    pen.ellipse(50, 72, 10, 6, (238, 200, 96))


def foam_cup(pen: Pen) -> None:
    foam = pen.tone((244, 244, 240), (236, 238, 242), spread=6)
    base = pen.around(19, 2)
    pen.polygon([(22, 18), (78, 18), (50 + base, 92), (50 - base, 92)], foam)
    pen.polygon([(66, 18), (78, 18), (50 + base, 92), (50 + base - 8, 92)], shade(foam, 0.84))
    pen.ellipse(50, 18, 30, 7, shade(foam, 0.95))
    pen.ellipse(50, 18, 26, 5, pen.tone((70, 46, 30), (206, 206, 200)))
    for y in (40, 46, 80):
        pen.line([(26 + y / 12, y), (74 - y / 12, y)], shade(foam, 0.8), 0.9)
    for _ in range(40):
        pen.ellipse(pen.around(50, 18), pen.around(58, 28), 0.7, 0.7, shade(foam, 0.9))


def toothpaste_tube(pen: Pen) -> None:
    body = pen.tone((240, 236, 244), (236, 214, 232))
    stripe = pen.tone((200, 40, 150), (150, 50, 170))
    pen.polygon([(26, 4), (74, 4), (66, 76), (34, 76)], body)
    pen.polygon([(26, 4), (74, 4), (73, 12), (27, 12)], shade(body, 0.75))
    pen.polygon([(30, 24), (70, 18), (68, 40), (32, 54)], stripe)
    pen.line([(36, 62), (62, 56)], shade(stripe, 0.7), 2)
    pen.polygon([(34, 76), (66, 76), (58, 84), (42, 84)], shade(body, 0.9))
    pen.box((41, 84, 59, 97), stripe, r=2)


def dirty_napkin(pen: Pen) -> None:
    tissue = pen.tone((232, 226, 216), (214, 220, 226), spread=8)
    rim = [
        (50 + pen.around(38, 6) * math.cos(turn), 50 + pen.around(36, 6) * math.sin(turn))
        for turn in (2 * math.pi * step / 22 for step in range(22))
    ]
    pen.polygon(rim, tissue)
    for _ in range(11):
        x, y = pen.around(50, 24), pen.around(50, 24)
        fold = [
            (x, y),
            (pen.around(x, 16), pen.around(y, 16)),
            (pen.around(x, 16), pen.around(y, 16)),
        ]
        pen.polygon(fold, shade(tissue, pen.around(0.9, 0.09)))
    for _ in range(4):
        stain = pen.tone((150, 50, 110), (130, 60, 120))
        pen.ellipse(
            pen.around(50, 18), pen.around(50, 18), pen.around(6, 3), pen.around(5, 2), stain
        )


def canister(colour: Colour) -> Callable[[Pen], None]:
    """A canister in a bin's colour, for a bin that has no drawings of its own."""

    def draw(pen: Pen) -> None:
        pen.polygon([(30, 20), (70, 20), (74, 90), (26, 90)], shade(colour, pen.around(0.9, 0.1)))
        pen.polygon([(42, 10), (58, 10), (58, 20), (42, 20)], shade(colour, 0.5))
        pen.ellipse(50, 55, 14, 14, pen.tone((240, 200, 40), (255, 230, 90)))

    return draw


Drawings = tuple[Callable[[Pen], None], ...]
_DRAWINGS: Mapping[str, Drawings] = {
    "compost": (banana_peel, apple_core, leaf, orange_slice),
    "landfill": (chip_bag, foam_cup, toothpaste_tube, dirty_napkin),
    "recycling": (bottle, can, cardboard_box, newspaper),
}


def items_of(bins: Iterable[Bin]) -> Mapping[str, Drawings]:
    """What lies in each class folder: one folder for each bin."""
    return {each.name: _DRAWINGS.get(each.name, (canister(each.colour),)) for each in bins}


ITEMS = items_of(ALL_BINS)
