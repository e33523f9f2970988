# SPDX-License-Identifier: Apache-2.0
"""Training (Pillow) and camera (simplejpeg) must make the same numbers of the same photo."""

import io

import numpy as np
import pytest
from PIL import Image

from camera.vision.jpeg import model_input
from contracts.cut import Box, CutRule, cut, decode_divisor
from training.data import load


def photo(width, height, *, seed, subsampling):
    """Shapes, gradients and noise, as a camera's JPEG."""
    random = np.random.default_rng(seed)
    down, right = np.mgrid[0:height, 0:width]
    waves = 60 * np.sin(right / random.uniform(3, 60)) + 60 * np.cos(down / random.uniform(3, 60))
    pixels = 128 + np.stack([waves, -waves, 0.5 * waves], axis=2)
    pixels[height // 4 : height // 2, width // 3 : width // 2] = random.integers(0, 255, 3)
    pixels += random.normal(0, 8, pixels.shape)
    packed = io.BytesIO()
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    picture.save(packed, "JPEG", quality=85, subsampling=subsampling)
    return packed.getvalue()


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize(
    "size", [(1920, 1080), (1280, 720), (641, 479), (512, 384), (320, 240), (96, 64), (97, 131)]
)
@pytest.mark.parametrize("target", [224, 96])
def test_a_photo_gives_the_same_tensor_in_training_and_on_the_camera(
    size, target, subsampling, tmp_path
):
    jpeg = photo(*size, seed=sum(size), subsampling=subsampling)
    folder = tmp_path / "train" / "glass"
    folder.mkdir(parents=True)
    (folder / "1.jpg").write_bytes(jpeg)
    trained = load(tmp_path, "train", ("glass",), size=target).pixels[0].astype(int)
    seen = model_input(jpeg, width=target, height=target).astype(int)
    assert np.abs(trained - seen).max() <= 1


def test_a_real_photo_gives_the_same_tensor(trashnet, tmp_path):
    for path in sorted(trashnet.glob("*/*1.jpg"))[:60]:
        folder = tmp_path / "train" / path.stem
        folder.mkdir(parents=True)
        (folder / path.name).write_bytes(path.read_bytes())
        trained = load(tmp_path, "train", (path.stem,), size=160).pixels[0].astype(int)
        seen = model_input(path.read_bytes(), width=160, height=160).astype(int)
        assert np.abs(trained - seen).max() <= 1, path


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (641, 479), (512, 384), (320, 240)])
@pytest.mark.parametrize("target", [224, 96])
def test_a_region_gives_the_same_tensor_by_pillow_and_on_the_camera(size, target, subsampling):
    """As evaluation does it (Pillow's draft), wherever the item lies and however large it is."""
    jpeg = photo(*size, seed=sum(size), subsampling=subsampling)
    random = np.random.default_rng(target)
    wanted = {"columns": size[0], "rows": size[1], "width": target, "height": target}
    for share in (0.2, 0.35, 0.5, 1.0):
        wide, tall = int(share * size[0]), int(share * size[1])
        left = int(random.integers(0, size[0] - wide + 1))
        top = int(random.integers(0, size[1] - tall + 1))
        region = CutRule().region(Box(left, top, left + wide, top + tall), **wanted)
        divisor = decode_divisor(region, **wanted)
        with Image.open(io.BytesIO(jpeg)) as image:
            image.draft("RGB", (size[0] // divisor, size[1] // divisor))
            frame = np.asarray(image.convert("RGB"))
        assert frame.shape[:2] == (-(-size[1] // divisor), -(-size[0] // divisor))
        expected = cut(frame, region, width=target, height=target, divisor=divisor)
        seen = model_input(jpeg, width=target, height=target, region=region)
        assert np.abs(expected.astype(int) - seen).max() <= 1
