# SPDX-License-Identifier: Apache-2.0
"""A fixed-camera set: a small item on one of a few views that hardly change, over several days.

Photos from a fixed camera look like this, unlike public datasets: whole frames that differ only in
a fifth of their width. Items are drawn, or cut from photos by the caller. The same seed gives the
same bytes. Run alone: ``python -m rehearsal.samples.tray FOLDER``.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from contracts.bins import ALL_BINS, Bin
from contracts.command_line import run_command
from rehearsal.samples.items import items_of
from rehearsal.samples.pen import Colour, Pen
from training.dataset.listing import BACKGROUND, SUFFIXES, DatasetError, is_class

WIDTH, HEIGHT = 640, 480
SHOTS = 2
_STRIDE = 7
"""How often an item is photographed before the next one comes."""

_GROUNDS: tuple[Colour, ...] = ((176, 178, 180), (136, 112, 84), (74, 86, 96), (198, 194, 184))
_TAKEN = 0x9003
_EXIF = 0x8769
_DAY, _PAUSE = 86_400, 40

ItemPicture = Callable[[random.Random, int], Image.Image]
"""Gives item number n as RGBA, its outline in the alpha channel."""


@dataclass(frozen=True, kw_only=True)
class Tray:
    """What the set is like. ``widths``: shares of the view's width that items take."""

    views: int = 2
    days: int = 3
    widths: tuple[float, float] = (0.2, 0.34)
    jitter: int = 4
    """By how many pixels an item moves between its shots."""
    empties: int = 3
    """Empty views of each camera, in ``_background``; 0: the set brings none."""


def drawn(bins: Iterable[Bin] = ALL_BINS) -> Mapping[str, ItemPicture]:
    """The items of the sample set, by bin."""
    return {name: _drawing(kinds) for name, kinds in sorted(items_of(bins).items())}


def photographed(dataset: Path) -> Mapping[str, ItemPicture]:
    """The photos of a dataset as items, by class: each with its own ground, feathered at the edge.

    Raises DatasetError where a class has no photo.
    """
    found = {}
    for folder in sorted(dataset.iterdir()):
        if folder.is_dir() and is_class(folder.name):
            photos = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
            if not photos:
                raise DatasetError(f"{folder}: no photo ({', '.join(SUFFIXES)})")
            found[folder.name] = _photo(photos)
    return found


def draw(
    folder: Path,
    *,
    photos_per_class: int = 80,
    seed: int = 0,
    tray: Tray | None = None,
    items: Mapping[str, ItemPicture] | None = None,
) -> int:
    """Fill ``folder/<class>/`` and ``folder/_background/``; return how many photos have an item.

    Names carry the view and the number; EXIF says when: shots of one item are two seconds apart.
    """
    if photos_per_class < 1:
        raise ValueError(f"photos_per_class = {photos_per_class}; allowed: 1 or more")
    tray = tray or Tray()
    items = drawn() if items is None else items
    for order, (name, picture) in enumerate(items.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(photos_per_class):
            thing, shot = divmod(index, SHOTS)
            view, day = thing % tray.views, thing // tray.views % tray.days
            photo = scene(
                picture, name=name, thing=thing, shot=shot, view=view, day=day, seed=seed, tray=tray
            )
            taken = day * _DAY + (order * photos_per_class + thing) * _PAUSE + shot * SHOTS
            _save(photo, folder / name / f"view{view}-{index + 1:04d}.jpg", taken)
    for view in range(tray.views):
        for number in range(tray.empties):
            (folder / BACKGROUND).mkdir(parents=True, exist_ok=True)
            rng = random.Random(f"{seed}/empty/{view}/{number}")  # noqa: S311 - drawings
            photo = lit(ground(view, seed=seed), rng, day=number % tray.days)
            _save(photo, folder / BACKGROUND / f"view{view}-{number + 1}.jpg", number * _DAY)
    return len(items) * photos_per_class


def scene(  # noqa: PLR0913 - what the sample set varies
    picture: ItemPicture,
    *,
    name: str,
    thing: int,
    shot: int,
    view: int,
    day: int,
    seed: int,
    tray: Tray,
) -> Image.Image:
    """One frame: item ``thing`` of class ``name`` on a view; each shot is a little different."""
    own = random.Random(f"{seed}/{name}/{thing}")  # noqa: S311 - drawings, not secrets
    item = picture(own, thing)
    item = item.rotate(own.uniform(0, 360), Image.Resampling.BICUBIC, expand=True)
    item = item.crop(item.getbbox())
    wide = WIDTH * own.uniform(*tray.widths)
    factor = min(wide / item.width, 0.8 * HEIGHT / item.height)
    size = (max(1, round(item.width * factor)), max(1, round(item.height * factor)))
    item = item.resize(size, Image.Resampling.LANCZOS)
    x = own.uniform(0.04, 0.96) * (WIDTH - item.width)
    y = own.uniform(0.04, 0.96) * (HEIGHT - item.height)
    rng = random.Random(f"{seed}/{name}/{thing}/{shot}")  # noqa: S311 - drawings
    left, top = (
        round(x + rng.uniform(-tray.jitter, tray.jitter)),
        round(y + rng.uniform(-tray.jitter, tray.jitter)),
    )
    frame = ground(view, seed=seed)
    shadow = Image.new("L", frame.size, 0)
    shadow.paste(item.getchannel("A"), (left + 3, top + 5))
    shadow = shadow.filter(ImageFilter.GaussianBlur(6)).point(lambda value: value // 3)
    frame.paste((22, 20, 18), (0, 0), shadow)
    frame.paste(item, (left, top), item)
    return lit(frame, rng, day=day)


def ground(view: int, *, seed: int) -> Image.Image:
    """What a camera sees with nothing on its tray: a surface, its rim, seams and stains."""
    rng = random.Random(f"{seed}/view/{view}")  # noqa: S311 - drawings
    noise = np.random.default_rng(rng.getrandbits(64))
    colour = _GROUNDS[view % len(_GROUNDS)]
    frame = Image.new("RGB", (WIDTH, HEIGHT), tuple(part // 2 for part in colour))
    pen = ImageDraw.Draw(frame)
    rim = [(rng.randint(10, 50), rng.randint(8, 40)) for _ in range(4)]
    pen.polygon(
        [
            rim[0],
            (WIDTH - rim[1][0], rim[1][1]),
            (WIDTH - rim[2][0], HEIGHT - rim[2][1]),
            (rim[3][0], HEIGHT - rim[3][1]),
        ],
        fill=colour,
        outline=tuple(part // 3 for part in colour),
    )
    seam = tuple(part * 4 // 5 for part in colour)
    for _ in range(rng.randint(2, 4)):
        x = rng.randint(60, WIDTH - 60)
        pen.line([(x, 40), (x + rng.randint(-30, 30), HEIGHT - 40)], fill=seam, width=3)
    for _ in range(rng.randint(3, 7)):
        x, y, r = rng.randint(60, WIDTH - 60), rng.randint(50, HEIGHT - 50), rng.randint(3, 14)
        pen.ellipse([x - r, y - r, x + r, y + r], fill=seam)
    coarse = noise.integers(112, 144, (HEIGHT // 8, WIDTH // 8), dtype=np.uint8)
    grain = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return ImageChops.overlay(frame, Image.merge("RGB", (grain, grain, grain)))


def lit(frame: Image.Image, rng: random.Random, *, day: int) -> Image.Image:
    """The light of a day, which moves a little from frame to frame, and the sensor's noise."""
    noise = np.random.default_rng(rng.getrandbits(64))
    lamp = random.Random(f"day {day}")  # noqa: S311 - drawings
    strength, warmth = lamp.uniform(0.75, 1.15), lamp.uniform(-0.05, 0.05)
    tilt = lamp.uniform(-0.15, 0.15)
    ramp = 1 + np.linspace(-tilt, tilt, WIDTH, dtype=np.float32)[None, :, None]
    strength *= rng.uniform(0.96, 1.04)
    tint = np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
    pixels = np.asarray(frame, np.float32) * ramp * strength * tint
    pixels += noise.normal(0, rng.uniform(2, 5), pixels.shape).astype(np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _drawing(kinds: Sequence[Callable[[Pen], None]]) -> ItemPicture:
    def picture(rng: random.Random, number: int) -> Image.Image:
        pen = Pen(rng)
        kinds[number % len(kinds)](pen)
        return pen.image

    return picture


def _photo(paths: Sequence[Path]) -> ItemPicture:
    def picture(_rng: random.Random, number: int) -> Image.Image:
        with Image.open(paths[number * _STRIDE % len(paths)]) as image:
            item = image.convert("RGBA")
        ramps = [
            np.clip(16 * np.minimum(np.arange(side), np.arange(side)[::-1]), 0, 255)
            for side in (item.height, item.width)
        ]
        edge = np.minimum(ramps[0][:, None], ramps[1][None, :])
        item.putalpha(Image.fromarray(edge.astype(np.uint8)))
        return item

    return picture


def _save(photo: Image.Image, path: Path, seconds: int) -> None:
    day, rest = divmod(seconds, _DAY)
    hour, rest = divmod(9 * 3600 + rest, 3600)
    exif = Image.Exif()
    text = f"2026:11:{2 + day:02d} {hour % 24:02d}:{rest // 60:02d}:{rest % 60:02d}"
    exif.get_ifd(_EXIF)[_TAKEN] = text
    photo.save(path, quality=88, subsampling=0, exif=exif)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos-per-class", type=int, default=80)
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tray = Tray(views=given.views)
    count = draw(given.folder, photos_per_class=given.photos_per_class, seed=given.seed, tray=tray)
    print(f"{count} pictures of a tray (drawings) in {given.folder}")


if __name__ == "__main__":
    sys.exit(run_command(main))
