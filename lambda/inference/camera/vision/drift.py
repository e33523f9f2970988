# SPDX-License-Identifier: Apache-2.0
"""Compares the camera's pictures with the training photos, by the card's statistics."""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

from camera.model.engine import Model
from contracts.picture_statistics import MEASURES, describe
from contracts.preprocessing import Pixels

_FAR, _SHIFTED = 4.0, 2.0
"""Limits in standard deviations of the training photos: for one picture, and for the mean of
many."""
_MANY, _REMEMBERED = 10, 50
"""Items."""
_CONFIDENCE = "confidence"


class Drift:
    """Checks the picture that decided each item.

    ``now`` describes how the last items differ from the training photos; empty if they do not.
    ``shift`` is the largest distance of the last items' mean from that of the training photos, in
    standard deviations; None until there are enough items. A card without statistics (of an older
    training) never drifts.
    """

    def __init__(self) -> None:
        self._model: Model | None = None
        self._expected: dict[str, tuple[float, float]] = {}
        self._recent: dict[str, deque[float]] = {}
        self.now = ""
        self.shift: float | None = None

    def see(self, model: Model, pixels: Pixels, *, confidence: float) -> str:
        """Take an item's picture; return how it or the last ones differ from training, or empty."""
        if model is not self._model:
            self._model, self._expected = model, _expected(model.card)
            self._recent = {name: deque(maxlen=_REMEMBERED) for name in self._expected}
        if not self._expected:
            self.now, self.shift = "", None
            return ""
        found = {**describe(pixels), _CONFIDENCE: confidence}
        shifts = []
        for name, values in self._recent.items():
            values.append(found[name])
            if len(values) >= _MANY:
                shifts.append(self._shift(name, sum(values) / len(values)))
        share, words = max(shifts, default=(0.0, ""))
        self.shift = share if shifts else None
        self.now = words if share > _SHIFTED else ""
        if self.now:
            return f"last {len(next(iter(self._recent.values())))} items: {self.now}"
        # A single less confident answer is "low confidence", not drift.
        share, words = max(self._shift(name, found[name]) for name in MEASURES)
        return words if share > _FAR else ""

    def _shift(self, name: str, value: float) -> tuple[float, str]:
        """How many standard deviations a value is off, as a number and in words."""
        if name not in self._expected:
            return 0.0, ""
        mean, deviation = self._expected[name]
        distance = (value - mean) / deviation
        if name == _CONFIDENCE and distance > 0:
            return 0.0, ""
        digits = 2 if name == _CONFIDENCE else 0
        return abs(distance), (
            f"{name} {value:.{digits}f}, in training {mean:.{digits}f} ± {deviation:.{digits}f}"
        )


def _expected(card: Any) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation by measure, for measures in the card."""
    statistics = getattr(card, "statistics", None)
    expected = {}
    for name in (*MEASURES, _CONFIDENCE):
        entry = statistics.get(name) if isinstance(statistics, Mapping) else None
        if not isinstance(entry, Mapping):
            continue
        mean, deviation = _number(entry.get("mean")), _number(entry.get("std"))
        if math.isfinite(mean) and deviation > 0:
            expected[name] = (mean, deviation)
    return expected


def _number(value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number else math.nan
