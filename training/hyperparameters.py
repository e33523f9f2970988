# SPDX-License-Identifier: Apache-2.0
"""The hyperparameters: names, types, limits and defaults, checked before any data is read."""

import argparse
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from training.networks.presets import NAMES, PRETRAINED, Plan, Recipe, plan, recipe
from training.sagemaker_job import StepError

AUTOMATIC = ("", "auto")
"""Values that mean "not given", for callers that must always pass a value."""


def _number(default: float | None, low: float, high: float, about: str) -> Any:
    """A number with limits. The default None selects the value of the network's preset."""
    return field(default=default, metadata={"low": low, "high": high, "about": about})


def _choice(default: str, allowed: tuple[str, ...], about: str) -> Any:
    return field(default=default, metadata={"allowed": allowed, "about": about})


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """The settings of one training run; the network's preset fills in missing values."""

    network: str = _choice("mobilenet_v2", NAMES, "what is trained")
    weights: str = field(
        default="",
        metadata={"about": "pretrained: a folder, or owner/name[@revision] of the hub; none: ''"},
    )
    epochs: int = _number(None, 1, 500, "passes over the training photos")
    image_size: int = _number(None, 32, 512, "side of the square the model sees, a multiple of 32")
    batch_size: int = _number(None, 2, 4096, "photos per step, over all processes")
    learning_rate: float = _number(None, 1e-6, 1.0, "peak of the schedule")
    weight_decay: float = _number(0.05, 0.0, 1.0, "decoupled, on weights of layers only")
    label_smoothing: float = _number(0.1, 0.0, 0.5, "share of the label given to other classes")
    mixup: float = _number(None, 0.0, 5.0, "how evenly two photos are blended; 0: never")
    cutmix: float = _number(0.0, 0.0, 5.0, "as mixup, with a pasted rectangle; 0: never")
    placed: float = _number(None, 0.0, 1.0, "share of photos shown as items cut out of a view")
    class_weights: float = _number(0.5, 0.0, 1.0, "0: photos count alike; 1: classes count alike")
    patience: int = _number(12, 0, 500, "epochs without a better validation loss; 0: no limit")
    mixed_precision: str = _choice("auto", ("auto", "on", "off"), "auto: where it is faster")
    int8_loss: float = _number(1.0, 0.0, 100.0, "points of accuracy that int8 may lose")
    int8_policy: str = _choice("ship-float", ("ship-float", "fail"), "when int8 loses more")
    seed: int = _number(0, 0, 2**31 - 1, "of weights, order and augmentation")

    def __post_init__(self) -> None:
        _check_choices(self)
        if self.weights and self.network not in PRETRAINED:
            raise StepError(
                f"hyperparameter weights = {self.weights!r}; network = {self.network} has none; "
                f"allowed with network = {', '.join(PRETRAINED)}"
            )
        for item in fields(self):
            if item.default is None and getattr(self, item.name) is None:
                object.__setattr__(self, item.name, getattr(self.recipe, item.name))
        _check_numbers(self)
        if self.image_size % 32:
            raise StepError(
                f"hyperparameter image-size = {self.image_size}; allowed: a multiple of 32"
            )

    @property
    def recipe(self) -> Recipe:
        """The recipe behind these settings."""
        return recipe(self.network, pretrained=bool(self.weights))

    @property
    def plan(self) -> tuple[Plan, ...]:
        """The stages of the training, one after the other."""
        return plan(
            self.recipe,
            epochs=self.epochs,
            image_size=self.image_size,
            learning_rate=self.learning_rate,
        )

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> "Hyperparameters":
        """Read text values. Raises StepError naming hyperparameter, value and what is allowed."""
        known = {item.name: item for item in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in given.items():
            if name not in known:
                allowed = ", ".join(_shown(item) for item in known)
                raise StepError(f"hyperparameter {_shown(name)!r} is unknown; allowed: {allowed}")
            kind = known[name].type
            if text in AUTOMATIC:
                continue
            try:
                values[name] = kind(text) if kind in (int, float) else text
            except ValueError as error:
                raise StepError(
                    f"hyperparameter {_shown(name)} = {text!r}; {_allowed(known[name])}"
                ) from error
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one option per hyperparameter, as text: ``Hyperparameters.parse`` has better errors."""
    group = parser.add_argument_group("hyperparameters")
    for item in fields(Hyperparameters):
        default = "the network's recipe" if item.default is None else item.default or repr("")
        limits = _allowed(item)
        about = f"{item.metadata['about']} (default {default}{'; ' + limits if limits else ''})"
        group.add_argument(f"--{_shown(item.name)}", metavar="V", help=about)


def given_arguments(parsed: argparse.Namespace) -> dict[str, str]:
    """The hyperparameters given on the command line."""
    pairs = ((item.name, getattr(parsed, item.name)) for item in fields(Hyperparameters))
    return {name: value for name, value in pairs if value is not None}


def _check_choices(settings: Hyperparameters) -> None:
    for item in fields(settings):
        value = getattr(settings, item.name)
        if "allowed" in item.metadata and value not in item.metadata["allowed"]:
            raise StepError(f"hyperparameter {_shown(item.name)} = {value!r}; {_allowed(item)}")


def _check_numbers(settings: Hyperparameters) -> None:
    for item in fields(settings):
        value = getattr(settings, item.name)
        if "low" not in item.metadata:
            continue
        # "not within" and not "outside": nan is neither below nor above anything.
        within = item.metadata["low"] <= value <= item.metadata["high"]
        if not (within and math.isfinite(value)):
            raise StepError(f"hyperparameter {_shown(item.name)} = {value}; {_allowed(item)}")


def _shown(name: str) -> str:
    return name.replace("_", "-")


def _allowed(item: Any) -> str:
    if "allowed" in item.metadata:
        return f"allowed: {', '.join(item.metadata['allowed'])}"
    if "low" not in item.metadata:
        return ""
    kind = "whole numbers" if item.type is int else "numbers"
    return f"allowed: {kind} from {item.metadata['low']} to {item.metadata['high']}"
