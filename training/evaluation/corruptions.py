# SPDX-License-Identifier: Apache-2.0
"""Measures the accuracy on test photos under each of seven corruptions, such as blur.

They are applied to the whole photo before it is reduced to the model's size, as on a camera.
"""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from contracts.preprocessing import resize

Picture = Image.Image


def _blur(image: Picture) -> Picture:
    """A dirty lens or a moving item: 2 pixels of a 256 pixel wide photo."""
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 128))


def _dark(image: Picture) -> Picture:
    """Four tenths of the light."""
    return ImageEnhance.Brightness(image).enhance(0.4)


def _quarter_turn(image: Picture) -> Picture:
    return image.transpose(Image.Transpose.ROTATE_90)


def _half_turn(image: Picture) -> Picture:
    return image.transpose(Image.Transpose.ROTATE_180)


def _tilt(image: Picture) -> Picture:
    """A camera tilted by 10 degrees, without black corners, which no camera produces."""
    turned = image.rotate(10, Image.Resampling.BICUBIC)
    return _middle(turned, 0.72)


def _jpeg(image: Picture) -> Picture:
    """A camera that saves bandwidth: JPEG quality 30."""
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=30)
    with Image.open(packed) as again:
        return again.convert("RGB")


def _crop(image: Picture) -> Picture:
    """Too close: the middle three quarters of each side."""
    return _middle(image, 0.75)


def _middle(image: Picture, share: float) -> Picture:
    width, height = image.size
    left, top = width * (1 - share) / 2, height * (1 - share) / 2
    return image.crop((round(left), round(top), round(width - left), round(height - top)))


CONDITIONS: Mapping[str, Callable[[Picture], Picture]] = {
    "blur": _blur,
    "dark": _dark,
    "rotated 90°": _quarter_turn,
    "rotated 180°": _half_turn,
    "tilted 10°": _tilt,
    "JPEG 30": _jpeg,
    "crop": _crop,
}


def distort(path: Path, condition: str, *, size: int) -> NDArray[np.uint8]:
    """The photo under a condition, at the model's size."""
    with Image.open(path) as image:
        image.draft("RGB", (size, size))
        changed = CONDITIONS[condition](image.convert("RGB"))
    return resize(np.asarray(changed.convert("RGB")), width=size, height=size)


def robustness(
    paths: Sequence[Path],
    labels: NDArray[np.int64],
    *,
    size: int,
    answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
) -> dict[str, float]:
    """The accuracy on the photos under each condition."""
    result = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name in CONDITIONS:
            changed = pool.map(lambda path, name=name: distort(path, name, size=size), paths)
            answers = answer(np.stack(list(changed))).argmax(axis=1)
            result[name] = float(np.mean(answers == labels))
            print(f"evaluate: {name}: accuracy={result[name]:.4f}", flush=True)
    return result
