# SPDX-License-Identifier: Apache-2.0
"""Confidence: the temperature finds what was done to the scores, thresholds do what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.calibration import (
    accepted,
    calibration_error,
    fit_temperature,
    reliability,
    suggest_threshold,
    tempered,
)


def _answers(*, photos: int, seed: int, sharpened: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from honest probabilities, and those probabilities with scores multiplied."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, 2, (photos, 4))
    honest = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = (honest.cumsum(axis=1) < random.random((photos, 1))).sum(axis=1)
    return tempered(honest, 1 / sharpened).astype(np.float32), labels


@pytest.mark.parametrize("sharpened", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_what_made_answers_too_sure_or_unsure(sharpened: float) -> None:
    probabilities, labels = _answers(photos=3000, seed=1, sharpened=sharpened)
    temperature = fit_temperature([probabilities], labels)
    assert temperature == pytest.approx(sharpened, rel=0.1)
    assert calibration_error(tempered(probabilities, temperature), labels) < 0.03
    if sharpened != 1:
        assert calibration_error(probabilities, labels) > 0.05


def test_the_temperature_is_that_of_the_mean_over_flips() -> None:
    """Looks that disagree make their mean less sure than each: it takes a lower temperature."""
    probabilities, labels = _answers(photos=3000, seed=1, sharpened=1.0)
    other, _ = _answers(photos=3000, seed=2, sharpened=1.0)
    shifted = np.where(np.arange(3000)[:, None] % 5 == 0, other, probabilities)
    alone = fit_temperature([probabilities], labels)
    assert fit_temperature([probabilities, probabilities], labels) == alone
    looks = [probabilities, shifted]
    found = fit_temperature(looks, labels)
    assert found < alone
    mean = np.mean([tempered(look, found) for look in looks], axis=0)
    assert calibration_error(mean, labels) < calibration_error(np.mean(looks, axis=0), labels)


def test_a_dozen_right_answers_do_not_make_a_model_certain() -> None:
    probabilities = np.full((12, 3), 0.15, np.float32)
    probabilities[:, 0] = 0.7
    assert 0.3 < fit_temperature([probabilities], np.zeros(12, np.int64)) < 1


def test_calibration_error_by_hand() -> None:
    # Ten answers at 0.75, six right; two at 0.95, both right.
    probabilities = np.array([[0.75, 0.25]] * 10 + [[0.95, 0.05]] * 2)
    labels = np.array([0] * 6 + [1] * 4 + [0] * 2)
    bins = reliability(probabilities, labels)
    assert [(item.photos, item.accuracy) for item in bins] == [(10, 0.6), (2, 1.0)]
    assert calibration_error(probabilities, labels) == pytest.approx((10 * 0.15 + 2 * 0.05) / 12)


def test_the_threshold_is_the_lowest_that_reaches_the_target() -> None:
    probabilities = np.array([[0.6, 0.4]] * 10 + [[0.9, 0.1]] * 30)
    labels = np.array([0] * 5 + [1] * 5 + [0] * 30)
    found = suggest_threshold(probabilities, labels, target=0.95)
    assert (found.unsure_below, found.accepted, found.accuracy) == (0.61, 0.75, 1.0)
    hopeless = suggest_threshold(probabilities[:10], labels[:10], target=0.95)
    assert not hopeless.reached
    assert hopeless.accuracy == 0.5


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), temperature=st.floats(0.2, 5), photos=st.integers(1, 80))
def test_properties(seed: int, temperature: float, photos: int) -> None:
    probabilities, labels = _answers(photos=photos, seed=seed, sharpened=1)
    changed = tempered(probabilities, temperature)
    np.testing.assert_allclose(changed.sum(axis=1), 1, atol=1e-6)
    assert (changed.argmax(axis=1) == probabilities.argmax(axis=1)).all(), "answers stay"
    np.testing.assert_allclose(tempered(changed, 1 / temperature), probabilities, atol=1e-4)
    assert 0 <= calibration_error(probabilities, labels) <= 1
    assert sum(item.photos for item in reliability(probabilities, labels)) == photos
    assert 0.2 <= fit_temperature([probabilities], labels) <= 5
    found = suggest_threshold(probabilities, labels)
    assert found.accepted >= 0.1
    again = accepted(probabilities, labels, unsure_below=found.unsure_below)
    assert again == found
    lower = [accepted(probabilities, labels, unsure_below=i / 100) for i in range(100)]
    if found.reached:
        assert not any(item.reached for item in lower if item.unsure_below < found.unsure_below)
