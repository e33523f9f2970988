# SPDX-License-Identifier: Apache-2.0
"""The sample set: drawn pictures of trash, so that a rehearsal needs no download.

They are drawings, not photos of anything: good enough to run the whole system, but no evidence
about accuracy on real trash. The same seed gives the same bytes. Run alone: ``python -m
rehearsal.samples.set FOLDER --photos-per-class 80``.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from contracts.bins import ALL_BINS, Bin
from contracts.command_line import run_command
from rehearsal.samples.items import ITEMS, Drawings, items_of
from rehearsal.samples.pen import Colour, Pen

WIDTH, HEIGHT = 256, 192

_TABLES: tuple[Colour, ...] = (
    (188, 184, 178),
    (112, 108, 104),
    (84, 88, 92),
    (150, 154, 150),
    (206, 200, 186),
)


def draw(
    folder: Path, *, photos_per_class: int = 80, seed: int = 0, bins: Sequence[Bin] = ALL_BINS
) -> int:
    """Draw ``photos_per_class`` pictures into ``folder/<class>/``; return how many in all.

    The classes are the bins.
    """
    if photos_per_class < 1:
        raise ValueError(f"photos_per_class = {photos_per_class}; allowed: 1 or more")
    for name, kinds in sorted(items_of(bins).items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(photos_per_class):
            picture = photo(name, index=index, seed=seed, kinds=kinds)
            picture.save(folder / name / f"{name}{index + 1:03d}.jpg", quality=90, subsampling=0)
    return len(bins) * photos_per_class


def photo(
    class_name: str, *, index: int, seed: int = 0, kinds: Drawings | None = None
) -> Image.Image:
    """One picture: an item of the class on some table, in some light, turned and scaled.

    ``kinds`` is what the class holds, where it is none of the usual bins.
    """
    kinds = kinds or ITEMS[class_name]
    rng = random.Random(f"{seed}/{class_name}/{index}")  # noqa: S311 - drawings, not secrets
    noise = np.random.default_rng(rng.getrandbits(64))
    pen = Pen(rng)
    kinds[index % len(kinds)](pen)
    side = round(rng.uniform(0.78, 1.02) * HEIGHT)
    item = pen.image.resize((side, side), Image.Resampling.BOX)
    item = item.rotate(rng.uniform(0, 360), Image.Resampling.BICUBIC, expand=True)
    left = round((WIDTH - item.width) / 2 + rng.uniform(-0.1, 0.1) * WIDTH)
    top = round((HEIGHT - item.height) / 2 + rng.uniform(-0.05, 0.05) * HEIGHT)

    scene = _table(rng, noise)
    shadow = Image.new("L", scene.size, 0)
    fall = (round(rng.uniform(-7, 7)), round(rng.uniform(2, 8)))
    shadow.paste(item.getchannel("A"), (left + fall[0], top + fall[1]))
    shadow = shadow.filter(ImageFilter.GaussianBlur(5)).point(lambda value: value // 2)
    scene.paste((20, 18, 16), (0, 0), shadow)
    scene.paste(item, (left, top), item)
    return _light(scene, rng, noise)


def _table(rng: random.Random, noise: np.random.Generator) -> Image.Image:
    """A surface: plain, planks or tiles, with a grain."""
    colour = rng.choice(_TABLES)
    scene = Image.new("RGB", (WIDTH, HEIGHT), colour)
    lines = ImageDraw.Draw(scene)
    pattern, step, darker = rng.randrange(3), rng.randint(26, 60), tuple(c * 4 // 5 for c in colour)
    if pattern >= 1:
        for y in range(rng.randrange(step), HEIGHT, step):
            lines.line([(0, y), (WIDTH, y + rng.randint(-3, 3))], fill=darker, width=2)
    if pattern == 2:
        for x in range(rng.randrange(step), WIDTH, step):
            lines.line([(x, 0), (x, HEIGHT)], fill=darker, width=2)
    coarse = noise.integers(112, 144, (HEIGHT // 8, WIDTH // 8), dtype=np.uint8)
    grain = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return ImageChops.overlay(scene, Image.merge("RGB", (grain, grain, grain)))


def _light(scene: Image.Image, rng: random.Random, noise: np.random.Generator) -> Image.Image:
    """A lamp from one side, its colour, a slight blur and the sensor's noise."""
    pixels = np.asarray(scene.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.8))), np.float32)
    ramp_x = np.linspace(-1, 1, WIDTH, dtype=np.float32) * rng.uniform(-0.22, 0.22)
    ramp_y = np.linspace(-1, 1, HEIGHT, dtype=np.float32) * rng.uniform(-0.22, 0.22)
    strength = rng.uniform(0.8, 1.15) * (1 + ramp_x[None, :] + ramp_y[:, None])
    warmth = rng.uniform(-0.05, 0.05)
    tint = np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
    grain = noise.normal(0, rng.uniform(1, 5), pixels.shape).astype(np.float32)
    lit = pixels * strength[:, :, None] * tint + grain
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos-per-class", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    count = draw(given.folder, photos_per_class=given.photos_per_class, seed=given.seed)
    print(f"{count} sample pictures (drawings) in {given.folder}")


if __name__ == "__main__":
    sys.exit(run_command(main))
