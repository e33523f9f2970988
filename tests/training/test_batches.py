# SPDX-License-Identifier: Apache-2.0
"""Batch k is a pure function of seed, stage and k."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from tests.training.learning import squares
from training.data import Part
from training.learning.batches import Batches, EpochOrder, Varying
from training.learning.trainer import _warming_up

pytestmark = pytest.mark.xdist_group("training")

VARYING = Varying(
    seed=3, stage=1, size=16, batch_size=8, classes=3, smallest_crop=0.5, mixup=0.3, cutmix=0.3
)
PART = squares("train", 20)


def batches(varying: Varying = VARYING, part: Part = PART, **places: int) -> Batches:
    return Batches(part, varying, device="cpu", **places)


def test_the_order_of_asking_changes_nothing() -> None:
    one, other = batches(), batches()
    forwards = [one[k] for k in range(12)]
    for k in reversed(range(12)):
        again = other[k]
        assert torch.equal(again["pictures"], forwards[k]["pictures"])
        assert torch.equal(again["labels"], forwards[k]["labels"])
    torch.manual_seed(99)
    assert torch.equal(batches()[4]["pictures"], forwards[4]["pictures"])
    for changed in (replace(VARYING, seed=4), replace(VARYING, stage=2)):
        assert not torch.equal(batches(changed)[0]["pictures"], forwards[0]["pictures"])


def test_an_epoch_shows_each_photo_once() -> None:
    plain = replace(VARYING, mixup=0.0, cutmix=0.0, batch_size=7)
    pixels = np.zeros((42, 20, 20, 3), np.uint8)
    numbered = Part(pixels, np.arange(42, dtype=np.int64), PART.files)
    whole = batches(replace(plain, classes=42), numbered)
    orders = []
    for epoch in range(2):
        shown = [whole[epoch * 6 + k]["labels"].argmax(dim=1) for k in range(whole.per_epoch)]
        orders.append(torch.cat(shown).tolist())
        assert sorted(orders[-1]) == list(range(42))
    assert orders[0] != orders[1]


def test_processes_share_a_batch() -> None:
    plain = replace(VARYING, mixup=0.0, cutmix=0.0)
    whole = batches(plain)[2]["labels"]
    halves = [batches(plain, process=rank, processes=2)[2]["labels"] for rank in (0, 1)]
    assert torch.equal(halves[0], whole[0::2])
    assert torch.equal(halves[1], whole[1::2])


@pytest.mark.parametrize("way", ["mixup", "cutmix"])
def test_labels_are_mixed_as_much_as_photos(way: str) -> None:
    """Each photo has one colour, its label's, so that the mixing can be read off the pixels."""
    pixels = np.zeros((24, 16, 16, 3), np.uint8)
    labels = np.arange(24, dtype=np.int64) % 3
    pixels[np.arange(24), :, :, labels] = 200
    varying = replace(VARYING, mixup=0.0, cutmix=0.0)
    seen = 0
    for k, batch in enumerate(
        map(
            batches(replace(varying, **{way: 1.0}), Part(pixels, labels, ())).__getitem__, range(12)
        )
    ):
        share = batch["pictures"].mean(dim=(2, 3))
        share = share / share.sum(dim=1, keepdim=True)
        expected = batch["labels"]
        assert float((expected.sum(dim=1) - 1).abs().max()) < 1e-5
        mixed = bool(((expected > 0.01) & (expected < 0.99)).any())
        seen += mixed
        if not mixed:
            assert torch.equal(share.argmax(dim=1), expected.argmax(dim=1)), k
        elif way == "mixup":
            # Saturation and contrast bend colours; the order of the shares stays.
            assert float((share - expected).abs().mean()) < 0.2
    assert 2 <= seen <= 10


def test_the_order_of_an_epoch() -> None:
    order = EpochOrder(3)
    order.epoch = 2
    assert list(order) == [[6], [7], [8]]
    assert len(order) == 3


def test_the_average_copies_at_first_and_then_follows_slowly() -> None:
    module = torch.nn.BatchNorm1d(2)
    average: Any = AveragedModel(module, multi_avg_fn=_warming_up(0.9), use_buffers=True)
    average.update_parameters(module)
    torch.nn.init.constant_(module.weight, 2.0)
    module.running_mean.fill_(4.0)
    average.update_parameters(module)  # (2 + 1) / (11 + 1) is kept: early on it follows fast
    assert average.module.weight.tolist() == pytest.approx([1.75, 1.75])
    assert average.module.running_mean.tolist() == pytest.approx([3.0, 3.0])
    average.n_averaged.fill_(1000)
    average.update_parameters(module)
    assert average.module.weight.tolist() == pytest.approx([1.775, 1.775])
