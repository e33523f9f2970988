# SPDX-License-Identifier: Apache-2.0
"""What can be tuned: names, types, limits and defaults, checked before any data is read."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from training.job import StepError


def _number(default: float, low: float, high: float, about: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "about": about})


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """The settings of one training run."""

    epochs: int = _number(12, 1, 500, "passes over the training photos")
    image_size: int = _number(96, 32, 512, "side of the square the model sees, a multiple of 16")
    batch_size: int = _number(16, 2, 1024, "photos per step")
    learning_rate: float = _number(2e-3, 1e-6, 1.0, "peak of the schedule")
    weight_decay: float = _number(0.05, 0.0, 1.0, "decoupled, on weights of layers only")
    label_smoothing: float = _number(0.1, 0.0, 0.5, "share of the label given to other classes")
    seed: int = _number(0, 0, 2**31 - 1, "of weights, order and augmentation")

    def __post_init__(self) -> None:
        for item in fields(self):
            value, low, high = getattr(self, item.name), item.metadata["low"], item.metadata["high"]
            if not low <= value <= high:
                raise StepError(f"hyperparameter {_shown(item.name)} = {value}; {_allowed(item)}")
        if self.image_size % 16:
            raise StepError(
                f"hyperparameter image-size = {self.image_size}; allowed: a multiple of 16"
            )

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> "Hyperparameters":
        """Read text values. Raises StepError naming hyperparameter, value and what is allowed."""
        known = {item.name: item for item in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in given.items():
            if name not in known:
                allowed = ", ".join(_shown(item) for item in known)
                raise StepError(f"hyperparameter {_shown(name)!r} is not known; allowed: {allowed}")
            kind = known[name].type
            try:
                values[name] = int(text) if kind is int else float(text)
            except ValueError as error:
                raise StepError(
                    f"hyperparameter {_shown(name)} = {text!r}; {_allowed(known[name])}"
                ) from error
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option per hyperparameter. Text: ``Hyperparameters.parse`` names what is wrong better."""
    group = parser.add_argument_group("hyperparameters")
    for item in fields(Hyperparameters):
        about = f"{item.metadata['about']} (default {item.default}; {_allowed(item)})"
        group.add_argument(f"--{_shown(item.name)}", metavar="N", help=about)


def given_arguments(parsed: argparse.Namespace) -> dict[str, str]:
    """The hyperparameters that the command line names."""
    pairs = ((item.name, getattr(parsed, item.name)) for item in fields(Hyperparameters))
    return {name: value for name, value in pairs if value is not None}


def _shown(name: str) -> str:
    return name.replace("_", "-")


def _allowed(item: Any) -> str:
    kind = "whole numbers" if item.type is int else "numbers"
    return f"allowed: {kind} from {item.metadata['low']} to {item.metadata['high']}"
