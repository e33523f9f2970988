# SPDX-License-Identifier: Apache-2.0
"""Training photos are varied, the same way each time, and stay what they are."""

import numpy as np
import pytest
import torch

from training.learning.augment import augment

pytestmark = pytest.mark.xdist_group("training")


def pictures(count: int, size: int) -> np.ndarray:
    """Soft random colours, different in every picture."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return coarse.repeat(size // 4, axis=1).repeat(size // 4, axis=2)


def test_photos_are_varied_the_same_way_each_time() -> None:
    one = torch.from_numpy(pictures(1, 40)).expand(6, -1, -1, -1)
    first = augment(one, size=32, generator=torch.Generator().manual_seed(1))
    again = augment(one, size=32, generator=torch.Generator().manual_seed(1))
    assert first.shape == (6, 3, 32, 32)
    assert torch.equal(first, again)
    assert float(first.min()) >= 0
    assert float(first.max()) <= 255
    assert len({picture.numpy().tobytes() for picture in first}) == 6


def test_a_variation_keeps_what_is_in_the_picture() -> None:
    """Crops and flips move a red picture's pixels, they do not turn it blue."""
    red = torch.zeros(16, 40, 40, 3, dtype=torch.uint8)
    red[..., 0] = 200
    varied = augment(red, size=32, generator=torch.Generator().manual_seed(2))
    assert float(varied[:, 0].min()) > 80
    assert float(varied[:, 2].max()) < 80
