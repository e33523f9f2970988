# SPDX-License-Identifier: Apache-2.0
"""How good the answers are, in the words of SageMaker's model registry."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.bins import BinPolicy

Indices = NDArray[np.int64]
_RESAMPLES = 200
NO_BIN = "no bin"
"""Stands for the bin of a class that the policy does not name."""


def confusion_matrix(truth: Indices, answers: Indices, classes: int) -> Indices:
    """Counts: row = what it is, column = what was answered."""
    counts = np.bincount(truth * classes + answers, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def wilson_interval(right: int, photos: int, *, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval of a share; honest for few photos and for shares near 1."""
    share, weight = right / photos, z * z / photos
    centre = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / photos + weight / (4 * photos)) / (1 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)


def per_class(matrix: Indices, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each class and how many photos of it there were."""
    result = {}
    for index, name in enumerate(names):
        right = float(matrix[index, index])
        precision = _ratio(right, float(matrix[:, index].sum()))
        recall = _ratio(right, float(matrix[index].sum()))
        result[name] = {
            "precision": precision,
            "recall": recall,
            "f1": _f_score(precision, recall, 1.0),
            "photos": int(matrix[index].sum()),
        }
    return result


@dataclass(frozen=True, kw_only=True)
class BinQuality:
    """How well photos get into the right bin under a policy: what people at the bins see.

    An answer less confident than the policy's threshold goes to its default bin. ``rows`` has the
    bins that occur, ``matrix`` their counts (row = where it belongs, column = where it went).
    Classes that the policy does not name (``unnamed``) get the default bin because no rule said
    where they belong: they have a row of their own, ``NO_BIN``, and are never right.
    """

    names: tuple[str, ...]
    matrix: Indices
    rows: Mapping[str, Mapping[str, float]]
    accuracy: float
    unsure: float
    """Share of answers whose bin is less probable than the policy's ``unsure_below``."""
    unnamed: tuple[str, ...] = ()

    @property
    def recall(self) -> dict[str, float]:
        """Of the bins that photos belong in."""
        return {
            name: row["recall"]
            for name, row in self.rows.items()
            if row["photos"] and name != NO_BIN
        }


def per_bin(
    truth: Indices, probabilities: NDArray[Any], labels: Sequence[str], policy: BinPolicy
) -> BinQuality:
    """Quality of the bins that ``policy`` sends these answers to."""
    items = [policy.sort(labels, row) for row in probabilities.tolist()]
    named = [policy.names(label) for label in labels]
    belongs = [
        policy.bin_for(labels[index], 1.0) if named[index] else NO_BIN for index in truth.tolist()
    ]
    went = [item.bin for item in items]
    names = tuple(name for name in (*policy.bin_names, NO_BIN) if name in {*belongs, *went})
    places = [np.array([names.index(name) for name in bins], np.int64) for bins in (belongs, went)]
    matrix = confusion_matrix(places[0], places[1], len(names))
    return BinQuality(
        names=names,
        matrix=matrix,
        rows=per_class(matrix, names),
        accuracy=float(np.trace(matrix) / matrix.sum()),
        unnamed=tuple(label for label, told in zip(labels, named, strict=True) if not told),
        unsure=float(np.mean([item.unsure for item in items])),
    )


def macro_recall(truth: Indices, answers: Indices, classes: int) -> float:
    """The mean of the classes' recalls: a rare class counts as much as a common one."""
    matrix = confusion_matrix(truth, answers, classes)
    rows = per_class(matrix, [str(index) for index in range(classes)]).values()
    return sum(row["recall"] for row in rows) / classes


def model_quality(truth: Indices, answers: Indices, names: Sequence[str]) -> dict[str, Any]:
    """``multiclass_classification_metrics`` as the registry displays them.

    Standard deviations come from resampling the photos (seeded, so the same answers give the same
    file).
    """
    matrix = confusion_matrix(truth, answers, len(names))
    values = _summary(matrix)
    # "Best constant" is the answer that needs no picture: always the commonest class.
    constant = _summary(confusion_matrix(truth, np.full_like(truth, _commonest(truth)), len(names)))
    rng = np.random.default_rng(0)
    samples = [
        _summary(confusion_matrix(truth[chosen], answers[chosen], len(names)))
        for chosen in rng.integers(0, len(truth), (_RESAMPLES, len(truth)))
    ]
    metrics: dict[str, Any] = {
        "confusion_matrix": {
            row: {column: int(matrix[i, j]) for j, column in enumerate(names)}
            for i, row in enumerate(names)
        }
    }
    for name, value in values.items():
        deviation = float(np.std([sample[name] for sample in samples]))
        metrics[name] = {"value": value, "standard_deviation": deviation}
        metrics[f"{name}_best_constant_classifier"] = {
            "value": constant[name],
            "standard_deviation": 0.0,
        }
    return metrics


def _summary(matrix: Indices) -> dict[str, float]:
    shares = matrix.sum(axis=1) / matrix.sum()
    rows = per_class(matrix, [str(index) for index in range(len(matrix))]).values()

    def weighted(values: list[float]) -> float:
        return float(np.dot(shares, values))

    precision, recall = [row["precision"] for row in rows], [row["recall"] for row in rows]
    pairs = list(zip(precision, recall, strict=True))
    return {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "weighted_recall": weighted(recall),
        "weighted_precision": weighted(precision),
        "weighted_f0_5": weighted([_f_score(p, r, 0.5) for p, r in pairs]),
        "weighted_f1": weighted([_f_score(p, r, 1.0) for p, r in pairs]),
        "weighted_f2": weighted([_f_score(p, r, 2.0) for p, r in pairs]),
    }


def _commonest(truth: Indices) -> int:
    return int(np.bincount(truth).argmax())


def _f_score(precision: float, recall: float, beta: float) -> float:
    return _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
