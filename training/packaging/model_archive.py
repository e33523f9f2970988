# SPDX-License-Identifier: Apache-2.0
"""Turns a trained network into the members of a model archive, and checks the deployed file."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from contracts.atomic_file import replacing
from contracts.cut import CutRule
from contracts.model_archive import (
    CARD,
    GOLDEN_INPUTS,
    GOLDEN_OUTPUTS,
    MEMBERS,
    MODEL,
    REFERENCE,
    ModelCard,
    file_digest,
)
from contracts.picture_statistics import MEASURES, describe, spread
from training.classifier import Classifier
from training.data import Part, evenly
from training.evaluation.calibration import calibration_error, fit_temperature, suggest_threshold
from training.evaluation.comparison import Paired, loses_too_much, paired
from training.evaluation.metrics import macro_recall
from training.hyperparameters import Hyperparameters
from training.packaging.export import check_parity, export_float, fold_temperature
from training.packaging.provenance import code_digest, frameworks, pack_fingerprints
from training.packaging.quantise import calibration_pictures, quantise
from training.sagemaker_job import StepError

GOLDEN_PHOTOS = 8
_FLIPS = True
"""Augmentation flips photos across and along (training/learning/augment.py)."""
_MOST_GOLDEN = 24
GOLDEN_TOLERANCE = 0.1
"""Processors round the float stem differently, and int8 steps make more of it: between SSE4.2 and
AVX-512 a probability near 0.5 moves by up to 0.1, those of sure photos by 0.0003 (MobileNetV2 under
qemu-user). Golden photos are the surest; a wrong file or a broken engine is off by far more."""
_PARITY_PHOTOS = 8


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the network comes from, for its card.

    ``prepared`` is the folder that training read; with it the card lists which photos were seen.
    """

    dataset: Mapping[str, Any]
    settings: Hyperparameters
    epoch: int
    prepared: Path | None = None


def clear(folder: Path) -> None:
    """Remove an earlier model, its card first: without the card nothing takes it for a model."""
    for name in (*MEMBERS, REFERENCE):
        (folder / name).unlink(missing_ok=True)


def package(
    network: nn.Module, folder: Path, *, calibration: Part, validation: Part, origin: Origin
) -> ModelCard:
    """Leave the four members and the float reference in ``folder``, the card last.

    The photos have the model's input size; ``calibration`` are some that it was trained on. Raises
    StepError where the ONNX file is not the network, or int8 loses more than the settings allow and
    they say ``fail``.
    """
    size, labels = origin.settings.image_size, tuple(origin.dataset["classes"])
    with tempfile.TemporaryDirectory(prefix="binsight-") as name:
        scratch = Path(name)
        (scratch / REFERENCE).parent.mkdir()
        export_float(network, scratch / REFERENCE, size=size)
        parity = check_parity(
            network, scratch / REFERENCE, validation.pixels[_some(validation, _PARITY_PHOTOS)]
        )
        quantise(
            scratch / REFERENCE,
            scratch / MODEL,
            calibration=calibration_pictures(calibration.pixels),
            float_modules=_float_modules(network),
        )
        compared, answers = _compare(scratch, validation)
        precision = _precision(compared, origin.settings)
        if precision == "float32":
            shutil.copyfile(scratch / REFERENCE, scratch / MODEL)
            answers = Classifier(scratch / MODEL).probabilities(validation.pixels)
        calibrated = _calibrate(scratch / MODEL, validation)
        deployed = Classifier(scratch / MODEL)
        golden = validation.pixels[_golden(validation, answers)]
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
            precision=precision,
            calibration=calibrated,
            statistics=_statistics(
                calibration.pixels, deployed.answers(validation.pixels, flips=_FLIPS)
            ),
            seen=_fingerprints(origin.prepared, "train", "validation"),
            held_out={
                split: _fingerprints(origin.prepared, split) for split in ("validation", "test")
            },
            cut=CutRule().to_json(),
            flips=_FLIPS,
            metrics={
                "validation": {
                    "photos": len(validation.labels),
                    "float_accuracy": compared.before,
                    "int8_accuracy": compared.after,
                    "int8_points_lost": compared.points_lost,
                    "accuracy": compared.before if precision == "float32" else compared.after,
                    "macro_recall": macro_recall(
                        validation.labels, answers.argmax(axis=1).astype(np.int64), len(labels)
                    ),
                    "torch_parity": parity,
                    "epoch": origin.epoch,
                }
            },
            frameworks=frameworks(),
            # No time, no host: the same photos and code give the same archive, thus no new rollout.
            created_from={
                "hyperparameters": origin.settings.to_json(),
                "photos": origin.dataset.get("origin", {}),
            },
        )
        (scratch / CARD).write_text(card.to_json(), encoding="utf-8")
        for member in (REFERENCE, MODEL, GOLDEN_INPUTS, GOLDEN_OUTPUTS, CARD):
            _move(scratch / member, folder / member)
    return card


def _compare(scratch: Path, validation: Part) -> tuple[Paired, NDArray[np.float32]]:
    """The accuracy that int8 loses on the validation photos, and the int8 file's probabilities."""
    floats = Classifier(scratch / REFERENCE).probabilities(validation.pixels)
    integers = Classifier(scratch / MODEL).probabilities(validation.pixels)
    right = [answers.argmax(axis=1) == validation.labels for answers in (floats, integers)]
    return paired(right[0], right[1]), integers


def _precision(compared: Paired, settings: Hyperparameters) -> str:
    """What is shipped, by the setting ``int8-policy`` where int8 loses more than ``int8-loss``."""
    limit, policy = settings.int8_loss, settings.int8_policy
    if not loses_too_much(compared, limit=limit):
        return "int8"
    finding = (
        f"int8 loses {compared.points_lost:.1f} points of accuracy on {compared.photos} validation "
        f"photos ({compared.after:.1%} after {compared.before:.1%}); int8-loss allows {limit:g}"
    )
    if policy == "fail":
        raise StepError(f"export: {finding}, and int8-policy = fail")
    print(
        f"export: WARNING: {finding}; int8-policy = ship-float: model.onnx is float32", flush=True
    )
    return "float32"


def _calibrate(model: Path, validation: Part) -> dict[str, float | int | str]:
    """Fold the temperature that fits the validation photos into the file; say what it does."""
    looks = Classifier(model).looks(validation.pixels, flips=_FLIPS)
    temperature = fit_temperature(looks, validation.labels)
    fold_temperature(model, temperature)
    answers = np.mean(looks, axis=0)
    calibrated = Classifier(model).answers(validation.pixels, flips=_FLIPS)
    return {
        "temperature": temperature,
        "ece_before": round(calibration_error(answers, validation.labels), 4),
        "ece_after": round(calibration_error(calibrated, validation.labels), 4),
        "unsure_below": suggest_threshold(calibrated, validation.labels).unsure_below,
        "photos": len(validation.labels),
        "measured_on": "validation",
    }


def _float_modules(network: nn.Module) -> tuple[str, ...]:
    return tuple(getattr(network, "float_modules", ("stem",)))


def _fingerprints(prepared: Path | None, *splits: str) -> str:
    if prepared is None:
        return ""
    return pack_fingerprints(path for split in splits for path in prepared.glob(f"{split}/*/*"))


def _golden(part: Part, answers: NDArray[np.float32]) -> list[int]:
    """The correctly answered photos with the most confidence, per class.

    With hundreds of classes only some are used, evenly spread: a camera runs all of them before a
    swap.
    """
    own = answers[np.arange(len(part.labels)), part.labels]
    classes = np.unique(part.labels)
    each = max(1, GOLDEN_PHOTOS // len(classes))
    chosen: list[int] = []
    steps = np.linspace(0, len(classes) - 1, min(len(classes), _MOST_GOLDEN)).astype(int)
    for index in classes[steps]:
        members = np.flatnonzero(part.labels == index)
        surest = members[np.argsort(-own[members], kind="stable")][:each]
        chosen.extend(int(position) for position in surest)
    return sorted(chosen)


def _some(part: Part, count: int) -> list[int]:
    return evenly(part.labels, count)


def _save(path: Path, values: NDArray[Any]) -> None:
    np.save(path, np.ascontiguousarray(values), allow_pickle=False)


def _move(source: Path, target: Path) -> None:
    """Place a file whole or not at all, also across file systems."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as unfinished:
        shutil.copyfile(source, unfinished)


def _statistics(pixels: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> dict[str, Any]:
    """The card's ``statistics``, which cameras compare with what they see.

    Each measure is over training photos at the model's size.

    ``confidence`` is that of the deployed file on validation photos, because a model is more
    confident on its training photos than on a camera.
    """
    described = [describe(picture) for picture in pixels]
    return {
        "photos": len(pixels),
        **{name: spread(item[name] for item in described) for name in MEASURES},
        "confidence": spread(probabilities.max(axis=1).tolist()),
    }
