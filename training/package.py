# SPDX-License-Identifier: Apache-2.0
"""Makes a trained network into the members of a model archive, and checks the deployed file."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.model_archive import (
    CARD,
    GOLDEN_INPUTS,
    GOLDEN_OUTPUTS,
    MEMBERS,
    MODEL,
    ModelCard,
    file_digest,
)
from training.data import Part, evenly
from training.engine import Classifier
from training.export import export_float, quantise
from training.hyperparameters import Hyperparameters
from training.metrics import macro_recall
from training.network import Normalised
from training.provenance import code_digest, frameworks

GOLDEN_PHOTOS = 8
GOLDEN_TOLERANCE = 0.05
"""Processors round int8 sums differently; a wrong file or a broken engine is off by far more."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the network comes from, for its card."""

    dataset: Mapping[str, Any]
    settings: Hyperparameters
    epoch: int


def clear(folder: Path) -> None:
    """Remove an earlier model, its card first: without the card nothing takes it for a model."""
    for name in MEMBERS:
        (folder / name).unlink(missing_ok=True)


def package(
    network: Normalised, folder: Path, *, calibration: Part, validation: Part, origin: Origin
) -> ModelCard:
    """Leave the four members in ``folder``, the card last.

    The photos have the model's input size; ``calibration`` are some that it was trained on.
    """
    size, labels = origin.settings.image_size, tuple(origin.dataset["classes"])
    with tempfile.TemporaryDirectory(prefix="binsight-") as name:
        scratch = Path(name)
        export_float(network, scratch / "float.onnx", size=size)
        quantise(scratch / "float.onnx", scratch / MODEL, calibration=calibration.pixels)
        deployed = Classifier(scratch / MODEL)
        compared = _compare(Classifier(scratch / "float.onnx"), deployed, validation, len(labels))
        golden = validation.pixels[evenly(validation.labels, GOLDEN_PHOTOS)]
        (scratch / GOLDEN_INPUTS).parent.mkdir()
        _save(scratch / GOLDEN_INPUTS, golden)
        _save(scratch / GOLDEN_OUTPUTS, deployed.probabilities(golden))
        card = ModelCard(
            labels=labels,
            width=size,
            height=size,
            input_name=deployed.input_name,
            output_name=deployed.output_name,
            digests={
                "model": file_digest(scratch / MODEL),
                "dataset": origin.dataset["digest"],
                "code": code_digest(),
            },
            golden_tolerance=GOLDEN_TOLERANCE,
            metrics={"validation": {**compared, "epoch": origin.epoch}},
            frameworks=frameworks(),
            # No time, no host: the same photos and code give the same archive, thus no new rollout.
            created_from={"hyperparameters": origin.settings.to_json()},
        )
        (scratch / CARD).write_text(card.to_json(), encoding="utf-8")
        for member in (MODEL, GOLDEN_INPUTS, GOLDEN_OUTPUTS, CARD):
            _move(scratch / member, folder / member)
    return card


def _compare(
    before: Classifier, after: Classifier, validation: Part, classes: int
) -> dict[str, float]:
    """What int8 costs, on the validation photos."""
    floats = before.probabilities(validation.pixels).argmax(axis=1)
    integers = after.probabilities(validation.pixels).argmax(axis=1)
    return {
        "photos": len(validation.labels),
        "float_accuracy": float(np.mean(floats == validation.labels)),
        "int8_accuracy": float(np.mean(integers == validation.labels)),
        "int8_macro_recall": macro_recall(validation.labels, integers, classes),
        "same_answers": float(np.mean(floats == integers)),
    }


def _save(path: Path, values: NDArray[Any]) -> None:
    np.save(path, np.ascontiguousarray(values), allow_pickle=False)


def _move(source: Path, target: Path) -> None:
    """Place a file whole or not at all, also across file systems."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.part")
    try:
        shutil.copyfile(source, unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
