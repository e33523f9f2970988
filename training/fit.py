# SPDX-License-Identifier: Apache-2.0
"""The training loop: from photos to the weights that did best on the validation photos."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.augment import augment
from training.data import Part
from training.hyperparameters import Hyperparameters
from training.network import Normalised, build

_AVERAGING = 0.99
_CLIP = 5.0
_WARM_UP = 0.1


@dataclass(frozen=True)
class Fitted:
    """The network with its best weights, in evaluation mode on the CPU."""

    network: Normalised
    epoch: int
    validation_accuracy: float


def fit(train: Part, validation: Part, settings: Hyperparameters, *, classes: int) -> Fitted:
    """Train from scratch. The same photos, settings and machine give the same weights."""
    device = _prepare_torch(settings.seed)
    network = build(classes).to(device)
    steps = max(1, len(train.labels) // settings.batch_size)
    optimiser = torch.optim.AdamW(
        _groups(network, settings.weight_decay), lr=settings.learning_rate
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _rate(step, settings.epochs * steps)
    )
    average = {name: value.clone() for name, value in network.state_dict().items()}
    best: tuple[float, float, int, dict[str, Tensor]] | None = None
    batches = _batches(train, settings, device)
    done = 0
    for epoch in range(1, settings.epochs + 1):
        started, total = time.monotonic(), 0.0
        network.train()
        for _ in range(steps):
            pictures, labels = next(batches)
            with torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda"):
                scores = network(pictures)
            loss = functional.cross_entropy(
                scores.float(), labels, label_smoothing=settings.label_smoothing
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
            optimiser.step()
            schedule.step()
            done += 1
            _average_in(average, network, decay=min(_AVERAGING, (1 + done) / (10 + done)))
            total += float(loss.detach())
        accuracy, validation_loss = _validate(average, validation, classes, device)
        print(
            f"epoch={epoch}/{settings.epochs} train_loss={total / steps:.4f} "
            f"validation_loss={validation_loss:.4f} validation_accuracy={accuracy:.4f} "
            f"seconds={time.monotonic() - started:.1f}",
            flush=True,
        )
        # Equal accuracy: the lower loss is the surer model.
        if best is None or (accuracy, -validation_loss) > best[:2]:
            weights = {name: value.detach().cpu().clone() for name, value in average.items()}
            best = (accuracy, -validation_loss, epoch, weights)
    if best is None:
        raise RuntimeError("no epoch was run")
    final = build(classes)
    final.load_state_dict(best[3])
    return Fitted(network=final.eval(), epoch=best[2], validation_accuracy=best[0])


def _prepare_torch(seed: int) -> torch.device:
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _batches(
    train: Part, settings: Hyperparameters, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless shuffled, augmented batches. Only whole ones: batch norm dislikes a batch of one."""
    generator = torch.Generator().manual_seed(settings.seed)
    pixels, labels = torch.from_numpy(train.pixels), torch.from_numpy(train.labels)
    size = min(settings.batch_size, len(labels))
    while True:
        order = torch.randperm(len(labels), generator=generator)
        for start in range(0, len(labels) - size + 1, size):
            chosen = order[start : start + size]
            pictures = augment(pixels[chosen], size=settings.image_size, generator=generator)
            yield pictures.to(device), labels[chosen].to(device)


def _groups(network: Normalised, decay: float) -> list[dict[str, object]]:
    """Weights decay; biases and batch norm do not."""
    weights = [value for value in network.parameters() if value.ndim > 1]
    others = [value for value in network.parameters() if value.ndim <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to nothing."""
    warm = max(1.0, _WARM_UP * steps)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1.0, steps - warm)))


@torch.no_grad()
def _average_in(average: dict[str, Tensor], network: Normalised, *, decay: float) -> None:
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


@torch.no_grad()
def _validate(
    weights: dict[str, Tensor], part: Part, classes: int, device: torch.device
) -> tuple[float, float]:
    """Accuracy and loss of the averaged weights on unvaried photos."""
    network = build(classes).to(device)
    network.load_state_dict(weights)
    network.eval()
    pictures = torch.from_numpy(part.pixels).permute(0, 3, 1, 2)
    batches = torch.split(pictures, 64)
    scores = torch.cat([network(batch.to(device).float()).cpu() for batch in batches])
    labels = torch.from_numpy(part.labels)
    right = float((scores.argmax(dim=1) == labels).float().mean())
    return right, float(np.float32(functional.cross_entropy(scores, labels)))
