# SPDX-License-Identifier: Apache-2.0
"""Calibrates confidences: of answers with a confidence of 0.8, four of five should be right.

One number, the temperature, is fitted on validation photos and divides the scores inside the
deployed graph. The same photos suggest the confidence below which an answer should count as unsure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize  # type: ignore[import-untyped]

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

ECE_BINS = 10
_LOWEST, _HIGHEST = 0.2, 5.0
_PRIOR_DEVIATION = 0.5
"""Standard deviation of the prior on the temperature's logarithm. With a dozen validation photos,
all answered correctly, the likelihood alone would demand certainty; with a hundred photos the prior
is negligible."""

TARGET_ACCURACY = 0.95
_LEAST_ACCEPTED = 0.1


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Answers of similar confidence: their mean confidence and how many were right."""

    low: float
    high: float
    photos: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The effect of treating answers below ``unsure_below`` as unsure."""

    unsure_below: float
    accepted: float
    accuracy: float
    reached: bool
    """Whether ``TARGET_ACCURACY`` is reached; otherwise this is the best threshold."""


def tempered(probabilities: NDArray[Any], temperature: float) -> Floats:
    """The softmax's output if its scores were divided by ``temperature``.

    The logarithm of a softmax equals its scores up to a constant, which a softmax ignores.
    """
    scores = np.log(np.maximum(probabilities.astype(np.float64), 1e-30)) / temperature
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Floats = powers / powers.sum(axis=1, keepdims=True)
    return result


def fit_temperature(looks: Sequence[NDArray[Any]], labels: Labels) -> float:
    """The temperature from 0.2 to 5 that maximises the likelihood of the labels.

    ``looks`` are the probabilities for the photos, once for each flip that a camera averages over.
    """

    def cost(logarithm: float) -> float:
        mean = np.mean([tempered(look, math.exp(logarithm)) for look in looks], axis=0)
        own = mean[np.arange(len(labels)), labels]
        surprise = -float(np.log(np.maximum(own, 1e-30)).sum())
        return surprise + logarithm**2 / (2 * _PRIOR_DEVIATION**2)

    found = optimize.minimize_scalar(
        cost, bounds=(math.log(_LOWEST), math.log(_HIGHEST)), method="bounded"
    )
    # Rounded: the last bits differ between machines, and the value goes into the model file.
    return round(math.exp(float(found.x)), 3)


def reliability(probabilities: NDArray[Any], labels: Labels) -> list[ReliabilityBin]:
    """Ten bins of equal width over the confidence, without empty ones."""
    confidence, right = _answers(probabilities, labels)
    places = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    return [
        ReliabilityBin(
            low=place / ECE_BINS,
            high=(place + 1) / ECE_BINS,
            photos=int(chosen.sum()),
            confidence=float(confidence[chosen].mean()),
            accuracy=float(right[chosen].mean()),
        )
        for place in range(ECE_BINS)
        if (chosen := places == place).any()
    ]


def expected_error(bins: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy."""
    photos = sum(item.photos for item in bins)
    return sum(item.photos * abs(item.accuracy - item.confidence) for item in bins) / photos


def calibration_error(probabilities: NDArray[Any], labels: Labels) -> float:
    """``expected_error`` of answers."""
    return expected_error(reliability(probabilities, labels))


def suggest_threshold(
    probabilities: NDArray[Any], labels: Labels, *, target: float = TARGET_ACCURACY
) -> Threshold:
    """The lowest threshold, in hundredths, whose accepted answers are right often enough.

    At least a tenth of the photos stays accepted. If no threshold reaches the target, the most
    accurate one is returned with ``reached`` false.
    """
    tried = [
        accepted(probabilities, labels, unsure_below=step / 100, target=target)
        for step in range(100)
    ]
    useful = [item for item in tried if item.accepted >= _LEAST_ACCEPTED]
    for item in useful:
        if item.reached:
            return item
    return max(useful, key=lambda item: (item.accuracy, -item.unsure_below))


def accepted(
    probabilities: NDArray[Any],
    labels: Labels,
    *,
    unsure_below: float,
    target: float = TARGET_ACCURACY,
) -> Threshold:
    """The effect of a threshold on these answers."""
    confidence, right = _answers(probabilities, labels)
    trusted = confidence >= unsure_below
    accuracy = float(right[trusted].mean()) if trusted.any() else 0.0
    return Threshold(
        unsure_below=unsure_below,
        accepted=float(trusted.mean()),
        accuracy=accuracy,
        reached=accuracy >= target,
    )


def _answers(probabilities: NDArray[Any], labels: Labels) -> tuple[Floats, NDArray[np.bool_]]:
    confidence = probabilities.max(axis=1).astype(np.float64)
    return confidence, probabilities.argmax(axis=1) == labels
