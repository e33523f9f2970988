# SPDX-License-Identifier: Apache-2.0
"""Evaluate: measure the file that will be deployed on photos that training never saw.

Reads train's model.tar.gz and the prepared photos; writes ``evaluation.json`` in the form that
SageMaker's model registry displays, and the final model.tar.gz: the same model.onnx, byte for byte,
its card completed with the test metrics.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: make the project importable
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np

from contracts.model_archive import (
    CARD,
    MODEL,
    ArchiveError,
    ModelCard,
    unpack_archive,
    write_archive,
)
from training import job
from training.data import load, read_dataset
from training.engine import Classifier
from training.metrics import confusion_matrix, model_quality, per_class, wilson_interval

ARCHIVE = "model.tar.gz"
EVALUATION = "evaluation.json"


def evaluate(model: Path, prepared: Path, *, evaluation: Path, output: Path) -> dict[str, Any]:
    """Do the step; return what ``evaluation.json`` says. ``model`` is an archive or its folder."""
    archive = model / ARCHIVE if model.is_dir() else model
    if not archive.is_file():
        raise job.StepError(f"{archive}: no such model archive")
    dataset = read_dataset(prepared)
    for folder, name in ((evaluation, EVALUATION), (output, ARCHIVE)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="binsight-") as name:
        scratch = Path(name)
        try:
            card = unpack_archive(archive, scratch)
        except ArchiveError as error:
            raise job.StepError(str(error)) from error
        _require_same_data(card, dataset)
        test = load(prepared, "test", card.labels, size=card.width)
        answers = Classifier(scratch / MODEL).probabilities(test.pixels).argmax(axis=1)
        document = _measure(card, test.labels, answers.astype(np.int64))
        (scratch / CARD).write_text(_completed(card, document).to_json(), encoding="utf-8")
        document["binsight"]["archive_digest"] = write_archive(scratch, output / ARCHIVE)
    unfinished = evaluation / f"{EVALUATION}.part"
    unfinished.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    unfinished.replace(evaluation / EVALUATION)
    _summary(document, output / ARCHIVE)
    return document


def _require_same_data(card: ModelCard, dataset: Mapping[str, Any]) -> None:
    """Another split's test photos may have been trained on: such a figure would be worthless."""
    if list(card.labels) != dataset["classes"]:
        raise job.StepError(
            f"the model knows {', '.join(card.labels)}; the prepared photos are of "
            f"{', '.join(dataset['classes'])}"
        )
    if card.digests.get("dataset") != dataset["digest"]:
        raise job.StepError(
            f"the model was trained on dataset {card.digests.get('dataset', 'unknown')[:12]}, the "
            f"prepared photos are dataset {dataset['digest'][:12]}: test photos may have been seen"
        )


def _measure(card: ModelCard, truth: Any, answers: Any) -> dict[str, Any]:
    matrix = confusion_matrix(truth, answers, len(card.labels))
    low, high = wilson_interval(int(np.trace(matrix)), len(truth))
    return {
        "multiclass_classification_metrics": model_quality(truth, answers, card.labels),
        "binsight": {
            "model_digest": card.digests["model"],
            "dataset_digest": card.digests["dataset"],
            "code_digest": card.digests["code"],
            "test_photos": len(truth),
            "accuracy_interval": {"confidence": 0.95, "low": low, "high": high},
            "per_class": per_class(matrix, card.labels),
            "validation": card.metrics.get("validation", {}),
        },
    }


def _completed(card: ModelCard, document: Mapping[str, Any]) -> ModelCard:
    own = document["binsight"]
    test = {
        "photos": own["test_photos"],
        "accuracy": document["multiclass_classification_metrics"]["accuracy"]["value"],
        "accuracy_interval": own["accuracy_interval"],
        "per_class": own["per_class"],
    }
    return replace(card, metrics={**card.metrics, "test": test})


def _summary(document: Mapping[str, Any], archive: Path) -> None:
    own = document["binsight"]
    for name, row in own["per_class"].items():
        print(
            f"class={name} photos={row['photos']} recall={row['recall']:.3f} "
            f"precision={row['precision']:.3f}"
        )
    accuracy = document["multiclass_classification_metrics"]["accuracy"]["value"]
    interval = own["accuracy_interval"]
    print(
        f"evaluate: test_accuracy={accuracy:.4f} interval={interval['low']:.3f}.."
        f"{interval['high']:.3f} photos={own['test_photos']} model={own['model_digest'][:12]}"
    )
    print(f"evaluate: archive={archive} sha256={own['archive_digest'][:12]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=job.processing("input", "model"))
    parser.add_argument("--prepared", type=Path, default=job.processing("input", "prepared"))
    parser.add_argument("--evaluation", type=Path, default=job.processing("output", "evaluation"))
    parser.add_argument("--output", type=Path, default=job.processing("output", "model"))
    given = parser.parse_args()
    evaluate(given.model, given.prepared, evaluation=given.evaluation, output=given.output)


if __name__ == "__main__":
    job.run(main)
