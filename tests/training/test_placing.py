# SPDX-License-Identifier: Apache-2.0
"""Training shows items as a camera cuts them: where they go, what is under them, the same twice."""

import numpy as np
import torch
from PIL import Image

from rehearsal.samples.set import photo
from training.learning.augment import Placing, augment
from training.learning.grounds import DRAWN, grounds
from training.learning.placing import Items, place
from training.outlines import outline, outlined

SIZE = 64


def items(photos: np.ndarray) -> Items:
    found = outlined(photos)
    return Items(
        torch.from_numpy(found.masks),
        torch.from_numpy(found.boxes),
        torch.from_numpy(found.cut_out),
        torch.from_numpy(found.grounds),
        torch.full((len(photos),), 4 / 3),
    )


def red_square(count: int) -> np.ndarray:
    """Photos of a red item in the middle of a plain ground."""
    photos = np.full((count, 80, 80, 3), 200, np.uint8)
    photos[:, 28:52, 20:60] = (220, 10, 10)
    return photos


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_outline_is_the_item_and_a_busy_photo_has_none() -> None:
    mask, colour = outline(red_square(1)[0])
    assert mask is not None
    rows, columns = np.nonzero(mask)
    assert abs(columns.min() / 96 - 0.25) < 0.03
    assert abs((columns.max() + 1) / 96 - 0.75) < 0.03
    assert abs(rows.min() / 96 - 0.35) < 0.03
    assert np.abs(colour - 200).max() < 3
    noise = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)
    assert outline(noise)[0] is None
    # Of a photo without an outline the whole is the item.
    found = outlined(noise[None])
    assert not found.cut_out[0]
    assert found.boxes[0].tolist() == [0, 0, 1, 1]


def test_a_box_that_prepare_found_wins() -> None:
    known = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    assert outlined(red_square(2), known=[None, known]).boxes[1].tolist() == known.tolist()


def test_every_item_is_shown_large_on_other_grounds() -> None:
    photos = red_square(64)
    surfaces = torch.from_numpy(np.full((1, SIZE, SIZE, 3), (20, 40, 160), np.uint8))
    shown = place(
        torch.from_numpy(photos), items(photos), surfaces, size=SIZE, generator=generator()
    )
    assert shown.shape == (64, 3, SIZE, SIZE)
    assert 0 <= float(shown.min()) <= float(shown.max()) <= 255
    red = (shown[:, 0] > 120) & (shown[:, 1] < 100)
    share = red.float().mean(dim=(1, 2))
    assert float(share.min()) > 0.02, "no item is lost"
    assert float(share.median()) > 0.15, "items fill a good part of the cut"
    blue = (shown[:, 2] > 1.5 * shown[:, 0]).float().mean(dim=(1, 2))
    assert 0.2 < float((blue > 0.1).float().mean()) < 0.9, "some grounds change, others do not"


def test_the_same_generator_gives_the_same_pictures_and_a_share_is_placed() -> None:
    photos = red_square(40)
    surfaces = torch.from_numpy(grounds(SIZE, seed=1))
    batch = torch.from_numpy(photos)

    def pictures(share: float) -> torch.Tensor:
        placing = Placing(share, items(photos), surfaces)
        return augment(batch, size=SIZE, generator=generator(3), placing=placing)

    assert torch.equal(pictures(0.5), pictures(0.5))
    assert not torch.equal(pictures(0.5), pictures(1.0))
    plain = augment(batch, size=SIZE, generator=generator(3))
    assert torch.equal(pictures(0.0), plain)


def test_grounds_are_drawn_the_same_and_half_are_the_cameras_own(tmp_path) -> None:
    view = tmp_path / "view.png"
    Image.new("RGB", (160, 120), (10, 200, 10)).save(view)
    drawn = grounds(32, seed=4)
    assert drawn.shape == (DRAWN, 32, 32, 3)
    assert np.array_equal(drawn, grounds(32, seed=4))
    assert not np.array_equal(drawn, grounds(32, seed=5))
    both = grounds(32, seed=4, backgrounds=[view])
    own = (both == (10, 200, 10)).all(axis=(1, 2, 3))
    assert own.mean() == 0.5
    # Surfaces differ from each other: a model cannot learn them by heart.
    assert np.unique(drawn.mean(axis=(1, 2)).round(), axis=0).shape[0] > DRAWN // 2


def test_drawn_photos_are_outlined() -> None:
    """The sample's tables have planks and tiles; many are plain enough all the same."""
    photos = np.stack(
        [np.asarray(photo("recycling", index=index).resize((96, 96))) for index in range(24)]
    )
    assert outlined(photos).cut_out.mean() > 0.3
