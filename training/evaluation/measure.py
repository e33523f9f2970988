# SPDX-License-Identifier: Apache-2.0
"""Measures one model file on the test photos."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.bins import BINS, BinPolicy
from contracts.model_archive import MODEL, REFERENCE, ModelCard
from training.classifier import Classifier, Latency
from training.data import Part
from training.evaluation.by_size import BySize, by_size
from training.evaluation.calibration import (
    ReliabilityBin,
    Threshold,
    accepted,
    expected_error,
    reliability,
    tempered,
)
from training.evaluation.comparison import Paired, paired
from training.evaluation.corruptions import robustness
from training.evaluation.metrics import (
    BinQuality,
    confusion_matrix,
    per_bin,
    per_class,
    wilson_interval,
)

_LATENCY_PICTURES = 100


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The results; ``quality`` is by class, ``bins`` by the policy's bins."""

    card: ModelCard
    test: Part
    probabilities: NDArray[np.float32]
    matrix: NDArray[np.int64]
    classes: Mapping[str, Mapping[str, float]]
    interval: tuple[float, float]
    policy: BinPolicy | None
    bins: BinQuality | None
    before: list[ReliabilityBin]
    """Reliability without the temperature."""
    after: list[ReliabilityBin]
    threshold: Threshold | None
    hardships: Mapping[str, float]
    latency: Latency
    model_bytes: int
    int8: Paired | None
    sizes: BySize | None = None
    """The results when the item takes only a part of the view, with the camera's own cut."""

    @property
    def answers(self) -> NDArray[np.int64]:
        answers: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return answers

    @property
    def right(self) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = self.answers == self.test.labels
        return right

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    def mistakes(self) -> list[int]:
        """Positions of wrong answers, the most confident first."""
        wrong = np.flatnonzero(~self.right)
        surest_first = np.argsort(-self.probabilities[wrong].max(axis=1), kind="stable")
        return [int(position) for position in wrong[surest_first]]


def measure(
    folder: Path, card: ModelCard, prepared: Path, test: Part, policy: BinPolicy | None
) -> Findings:
    """Measure the unpacked archive in ``folder``."""
    model = Classifier(folder / MODEL)
    looks = model.looks(test.pixels, flips=card.flips)
    probabilities = np.mean(looks, axis=0)
    answers = probabilities.argmax(axis=1).astype(np.int64)
    matrix = confusion_matrix(test.labels, answers, len(card.labels))
    right = answers == test.labels
    int8 = None
    if card.precision != "float32" and (folder / REFERENCE).is_file():
        floats = Classifier(folder / REFERENCE).answers(test.pixels, flips=card.flips)
        int8 = paired(floats.argmax(axis=1) == test.labels, right)
    # The graph divides by the temperature; multiplying undoes it.
    temperature = float(card.calibration.get("temperature", 1.0))
    plain = np.mean([tempered(one, 1 / temperature) for one in looks], axis=0)
    suggested = card.calibration.get("unsure_below")
    if policy is None and all(_names_a_bin(name) for name in card.labels):
        policy = BinPolicy({})
    return Findings(
        card=card,
        test=test,
        probabilities=probabilities,
        matrix=matrix,
        classes=per_class(matrix, card.labels),
        interval=wilson_interval(int(right.sum()), len(right)),
        policy=policy,
        bins=per_bin(test.labels, probabilities, card.labels, policy) if policy else None,
        before=reliability(plain, test.labels),
        after=reliability(probabilities, test.labels),
        threshold=None
        if suggested is None
        else accepted(probabilities, test.labels, unsure_below=float(suggested)),
        hardships=robustness(
            [prepared / name for name in test.files],
            test.labels,
            size=card.width,
            answer=partial(model.answers, flips=card.flips),
        ),
        latency=model.latency(test.pixels, pictures=_LATENCY_PICTURES),
        model_bytes=(folder / MODEL).stat().st_size,
        int8=int8,
        sizes=by_size(
            prepared,
            test.files,
            test.labels,
            names=card.labels,
            size=card.width,
            rule=card.cut_rule(),
            answer=partial(model.answers, flips=card.flips),
            policy=policy,
        ),
    )


def calibration_of(findings: Findings) -> dict[str, Any]:
    """The card's ``calibration`` with its results on the test photos; {} for older cards."""
    if not findings.card.calibration:
        return {}
    return {
        **findings.card.calibration,
        "ece_before": round(expected_error(findings.before), 4),
        "ece_after": round(expected_error(findings.after), 4),
        "photos": len(findings.test.labels),
        "measured_on": "test",
    }


def reliability_of(findings: Findings) -> dict[str, Any]:
    """The reliability diagram's points and the effect of the suggested threshold."""
    return {
        "before": [asdict(item) for item in findings.before],
        "after": [asdict(item) for item in findings.after],
        "threshold": asdict(findings.threshold) if findings.threshold else None,
    }


def _names_a_bin(name: str) -> bool:
    return name.casefold() in {*BINS, "recycle"}
