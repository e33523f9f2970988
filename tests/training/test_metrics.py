# SPDX-License-Identifier: Apache-2.0
"""The figures, against ones worked out by hand."""

import numpy as np
import pytest

from contracts.bins import BinPolicy
from training.evaluation.metrics import (
    NO_BIN,
    confusion_matrix,
    macro_recall,
    model_quality,
    per_bin,
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


def test_a_class_that_nobody_named_is_never_right():
    """The default because the policy says so, and because nobody said, are two things."""
    labels = ("brown-glass", "paper", "Rubble", "Landfill")
    policy = BinPolicy({"paper": "recycling", "rubble": "landfill"}, unsure_below=0.0)
    truth = np.array([0, 0, 1, 2, 3])
    probabilities = np.eye(4)[truth]
    found = per_bin(truth, probabilities, labels, policy)
    assert found.unnamed == ("brown-glass",)
    assert found.rows[NO_BIN]["photos"] == 2
    assert found.rows[NO_BIN]["recall"] == 0
    assert found.rows["landfill"]["photos"] == 2
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.recall == {"landfill": 1.0, "recycling": 1.0}


def test_answers_between_classes_of_one_bin_are_sure():
    labels = ("paper", "cardboard", "trash")
    policy = BinPolicy(
        {"paper": "recycling", "cardboard": "recycling", "trash": "landfill"}, unsure_below=0.6
    )
    answers = np.array([[0.5, 0.4, 0.1], [0.5, 0.0, 0.5], [0.3, 0.3, 0.4]])
    found = per_bin(np.array([0, 1, 2]), answers, labels, policy)
    assert found.unsure == pytest.approx(2 / 3)
    assert found.recall == {"landfill": 1.0, "recycling": 0.5}


def test_a_policy_that_names_every_class_has_no_row_for_no_bin():
    policy = BinPolicy({"GLASS": "recycling"}, default="compost")
    found = per_bin(np.array([0, 1]), np.eye(2), ("glass", "compost"), policy)
    assert found.unnamed == ()
    assert NO_BIN not in found.rows
    assert found.accuracy == 1
