# SPDX-License-Identifier: Apache-2.0
"""The batches of a stage: batch k is always the same, in every process and at any time.

Its photos, their variations and their mixing depend on the seed, the stage and k alone, not on how
many batches were made before. So a resumed run continues exactly where it stopped, however many
batches a loader had prefetched.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset, Sampler

from training.data import Part
from training.learning.augment import Placing, augment
from training.learning.grounds import grounds
from training.learning.placing import Items
from training.outlines import outlined

Batch = Mapping[str, Tensor]
_MIXED_SHARE = 0.5
"""Every second batch is mixed: unmixed photos are what the model will see."""


@dataclass(frozen=True, kw_only=True)
class Varying:
    """How the photos of a stage are varied."""

    seed: int
    stage: int
    size: int
    batch_size: int
    classes: int
    smallest_crop: float
    mixup: float = 0.0
    cutmix: float = 0.0
    placed: float = 0.0
    """Share of the photos that are shown as if cut out of a view."""


class Batches(Dataset[Batch]):
    """``batches[k]`` is batch k of a stage; an epoch has ``per_epoch`` of them.

    With several processes, each takes its share of every batch.
    """

    def __init__(
        self,
        part: Part,
        varying: Varying,
        *,
        device: str,
        backgrounds: Sequence[Path] = (),
        process: int = 0,
        processes: int = 1,
    ) -> None:
        self._pixels, self._labels = torch.from_numpy(part.pixels), torch.from_numpy(part.labels)
        self._varying, self._device = varying, device
        self._process, self._processes = process, processes
        self._items: Items | None = None
        if varying.placed:
            self._items = _items(part)
            drawn = grounds(varying.size, seed=varying.seed, backgrounds=backgrounds)
            self._grounds = torch.from_numpy(drawn).to(device)
        self._size = min(varying.batch_size, len(part.labels))
        # Only full batches: batch norm does not work with a batch of one.
        self.per_epoch = len(part.labels) // self._size

    def __len__(self) -> int:
        return self.per_epoch

    def __getitem__(self, step: int) -> Batch:
        """pictures float [N, 3, size, size] in 0 to 255; labels float [N, classes], mixed."""
        own = self._varying
        epoch, number = divmod(step, self.per_epoch)
        order = torch.randperm(
            len(self._labels), generator=_generator(own.seed, own.stage, "epoch", epoch)
        )
        chosen = order[number * self._size : (number + 1) * self._size]
        chosen = chosen[self._process :: self._processes]
        chance = _generator(own.seed, own.stage, "step", step, self._process)
        pictures = augment(
            self._pixels[chosen].to(self._device),
            size=own.size,
            generator=chance,
            smallest_crop=own.smallest_crop,
            placing=self._placing(chosen),
        )
        labels = functional.one_hot(self._labels[chosen], own.classes).float().to(self._device)
        pictures, labels = _mix(pictures, labels, own, chance)
        return {"pictures": pictures, "labels": labels}

    def _placing(self, chosen: Tensor) -> Placing | None:
        if self._items is None:
            return None
        items = self._items.of(chosen).to(self._device)
        return Placing(self._varying.placed, items, self._grounds)


def _items(part: Part) -> Items:
    found = outlined(part.pixels, known=part.boxes)
    aspects = part.aspects if len(part.aspects) else np.ones(len(part.labels), np.float32)
    return Items(
        torch.from_numpy(found.masks),
        torch.from_numpy(found.boxes),
        torch.from_numpy(found.cut_out),
        torch.from_numpy(found.grounds),
        torch.from_numpy(aspects),
    )


class EpochOrder(Sampler[list[int]]):
    """The numbers of an epoch's batches, for a DataLoader. Set ``epoch`` before each one."""

    def __init__(self, per_epoch: int) -> None:
        self.per_epoch, self.epoch = per_epoch, 0

    def __len__(self) -> int:
        return self.per_epoch

    def __iter__(self) -> Iterator[list[int]]:
        first = self.epoch * self.per_epoch
        return ([step] for step in range(first, first + self.per_epoch))


class Shown(Dataset[Batch]):
    """Unvaried photos for measuring, as the camera will show them to the model."""

    def __init__(self, part: Part) -> None:
        self._pixels, self._labels = torch.from_numpy(part.pixels), torch.from_numpy(part.labels)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> Batch:
        return {
            "pictures": self._pixels[index].permute(2, 0, 1).float(),
            "labels": self._labels[index],
        }


def seed_of(*parts: object) -> int:
    """A seed that is different for different parts."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def _generator(*parts: object) -> torch.Generator:
    return torch.Generator().manual_seed(seed_of(*parts))


def _mix(
    pictures: Tensor, labels: Tensor, varying: Varying, chance: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend each photo with another, or paste a rectangle of it; labels are mixed accordingly."""
    ways = [way for way in ("mixup", "cutmix") if getattr(varying, way) > 0]
    drawn = torch.rand(2, generator=chance).tolist()
    others = torch.randperm(len(pictures), generator=chance).to(pictures.device)
    seed = int(torch.randint(2**31 - 1, (1,), generator=chance))
    if not ways or drawn[0] >= _MIXED_SHARE:
        return pictures, labels
    way = ways[int(drawn[1] * len(ways))]
    evenness = getattr(varying, way)
    rng = np.random.default_rng(seed)
    kept = float(rng.beta(evenness, evenness))
    if way == "mixup":
        pictures = kept * pictures + (1 - kept) * pictures[others]
    else:
        pictures, kept = _paste(pictures, others, kept, rng)
    return pictures, kept * labels + (1 - kept) * labels[others]


def _paste(
    pictures: Tensor, others: Tensor, kept: float, rng: np.random.Generator
) -> tuple[Tensor, float]:
    """Paste a rectangle of about ``1 - kept`` of the area; return the share actually kept."""
    size = pictures.shape[-1]
    half = int(size * (1 - kept) ** 0.5) // 2
    row, column = (int(value) for value in rng.integers(0, size, 2))
    rows = slice(max(0, row - half), min(size, row + half))
    columns = slice(max(0, column - half), min(size, column + half))
    pasted = pictures.clone()
    pasted[:, :, rows, columns] = pictures[others][:, :, rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return pasted, 1 - area / size**2
