# SPDX-License-Identifier: Apache-2.0
"""Default hyperparameters and stages of each network: change them here to improve a model.

Nothing here needs torch, so that wrong settings are reported before it is imported. The effect of
each choice on real photos is recorded in docs/figures.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the training with a picture size, a learning rate and a frozen beginning."""

    size: float
    """Share of the image size that the stage sees. Small pictures first: more passes per minute."""
    epochs: float
    """Share of the epochs."""
    rate: float
    """Share of the learning rate: the peak of the stage's own warm-up and cosine."""
    frozen: int
    """Blocks, counted from the picture, that keep their pretrained weights and statistics."""
    averaging: float
    """How slowly the averaged weights follow: 0.99 looks back over about 100 steps."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Default values of hyperparameters, and the stages."""

    epochs: int
    image_size: int
    batch_size: int
    learning_rate: float
    head_rate: float
    """The new head learns this much faster than what is pretrained."""
    mixup: float
    smallest_crop: float
    """Share of the photo's area that a random crop keeps at least."""
    stages: tuple[Stage, ...]
    placed: float = 0.35
    """Share of the photos that are shown as a camera over a tray cuts an item out of its view."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A stage in absolute numbers, as one run does it."""

    number: int
    size: int
    epochs: int
    learning_rate: float
    frozen: int
    averaging: float


_FINE_TUNING = Recipe(
    epochs=24,
    image_size=224,
    batch_size=32,
    learning_rate=5e-4,
    head_rate=3.0,
    mixup=0.2,
    smallest_crop=0.4,
    stages=(
        Stage(size=0.71, epochs=0.75, rate=1.0, frozen=4, averaging=0.995),
        Stage(size=1.0, epochs=0.25, rate=0.3, frozen=7, averaging=0.99),
    ),
)
_RESIDUAL = replace(
    _FINE_TUNING,
    # A ResNet has fewer and larger blocks: 9 in a ResNet-18.
    stages=(
        replace(_FINE_TUNING.stages[0], frozen=1),
        replace(_FINE_TUNING.stages[1], frozen=3),
    ),
)
_FROM_SCRATCH = Recipe(
    epochs=40,
    image_size=128,
    batch_size=32,
    learning_rate=2e-3,
    head_rate=1.0,
    mixup=0.0,
    smallest_crop=0.5,
    stages=(Stage(size=1.0, epochs=1.0, rate=1.0, frozen=0, averaging=0.99),),
)
_COMPACT = Recipe(
    epochs=12,
    image_size=96,
    batch_size=16,
    learning_rate=2e-3,
    head_rate=1.0,
    mixup=0.0,
    smallest_crop=0.5,
    stages=(Stage(size=1.0, epochs=1.0, rate=1.0, frozen=0, averaging=0.99),),
)

PRETRAINED: Mapping[str, Recipe] = {
    "mobilenet_v2": _FINE_TUNING,
    "resnet": _RESIDUAL,
}
"""Networks that start from weights in transformers' format."""
SCRATCH: Mapping[str, Recipe] = {
    "mobilenet_v2": _FROM_SCRATCH,
    "resnet": _FROM_SCRATCH,
    "compact": _COMPACT,
}
"""Networks that start from nothing."""
NAMES = tuple(SCRATCH)


def recipe(network: str, *, pretrained: bool) -> Recipe:
    """The recipe of a network. Pretrained weights need another one than none."""
    return PRETRAINED[network] if pretrained else SCRATCH[network]


def plan(chosen: Recipe, *, epochs: int, image_size: int, learning_rate: float) -> tuple[Plan, ...]:
    """The stages in absolute numbers. With fewer epochs than stages the last stages are done."""
    stages = chosen.stages[-epochs:]
    whole = sum(stage.epochs for stage in stages)
    plans, left = [], epochs
    for number, stage in enumerate(stages, start=1):
        after = len(stages) - number
        share = max(1, min(left - after, round(epochs * stage.epochs / whole)))
        count = left if after == 0 else share
        left -= count
        plans.append(
            Plan(
                number=number,
                # Every network halves the picture five times at most.
                size=max(32, round(image_size * stage.size / 32) * 32)
                if stage.size < 1
                else image_size,
                epochs=count,
                learning_rate=learning_rate * stage.rate,
                frozen=stage.frozen,
                averaging=stage.averaging,
            )
        )
    return tuple(plans)
