# SPDX-License-Identifier: Apache-2.0
"""The figures, against ones worked out by hand."""

import numpy as np
import pytest

from training.evaluation.metrics import (
    confusion_matrix,
    macro_recall,
    model_quality,
    per_class,
    wilson_interval,
)

TRUTH = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
ANSWERS = np.array([0, 0, 0, 1, 1, 1, 2, 0, 2, 2])
NAMES = ["glass", "metal", "trash"]


def test_confusion_and_classes() -> None:
    matrix = confusion_matrix(TRUTH, ANSWERS, 3)
    assert matrix.tolist() == [[3, 1, 0], [0, 2, 0], [1, 0, 3]]
    rows = per_class(matrix, NAMES)
    assert rows["glass"] == {"precision": 0.75, "recall": 0.75, "f1": 0.75, "photos": 4}
    assert rows["metal"]["precision"] == pytest.approx(2 / 3)
    assert rows["metal"]["recall"] == 1
    assert macro_recall(TRUTH, ANSWERS, 3) == pytest.approx((0.75 + 1 + 0.75) / 3)


def test_a_class_that_was_never_answered_counts_as_zero() -> None:
    rows = per_class(confusion_matrix(TRUTH, np.zeros(10, np.int64), 3), NAMES)
    assert rows["trash"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "photos": 4}


@pytest.mark.parametrize(
    ("right", "photos", "low", "high"),
    # From Wilson's formula, worked out with z = 1.96.
    [(81, 100, 0.7222, 0.8750), (10, 10, 0.7225, 1.0), (0, 20, 0.0, 0.1611)],
)
def test_wilson(right: int, photos: int, low: float, high: float) -> None:
    assert wilson_interval(right, photos) == pytest.approx((low, high), abs=5e-4)


def test_registry_form() -> None:
    quality = model_quality(TRUTH, ANSWERS, NAMES)
    assert quality["accuracy"]["value"] == pytest.approx(0.8)
    assert 0.05 < quality["accuracy"]["standard_deviation"] < 0.2
    assert quality["weighted_recall"]["value"] == pytest.approx(0.8)
    assert quality["accuracy_best_constant_classifier"]["value"] == pytest.approx(0.4)
    assert quality["confusion_matrix"]["trash"] == {"glass": 1, "metal": 0, "trash": 3}
    assert model_quality(TRUTH, ANSWERS, NAMES) == quality
