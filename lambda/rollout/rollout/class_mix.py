# SPDX-License-Identifier: Apache-2.0
"""A sequential test: do canaries answer a class more often than the fleet, which has the old model?

Items come in pairs: one from a canary, one from a fleet camera of about the same time. Only a pair
of which exactly one is the class tells anything (Wald's test of double dichotomies). If both models
see alike, each such pair is a canary's with probability 1/2, whatever the share of the class is, so
that no share needs to be known beforehand. Against that stands ``MORE_LIKELY``. The likelihood
ratios of all classes are averaged, which is a martingale under the null hypothesis: it ever reaches
``1 / false_alarms`` with a probability of at most ``false_alarms`` (Ville's inequality), however
often one looks and however many classes there are.
"""

import math
from collections.abc import Iterable, Mapping

MORE_LIKELY = 0.8
"""The share of a class's telling pairs that are a canary's where the new model is bad: four items
of a class against one. A smaller difference may be the place."""

Counts = Mapping[str, tuple[int, int]]
"""By class: the telling pairs where the canary's item was the class, and where the fleet's was."""


def counted(before: Counts, pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """The counts after these pairs of classes, the canary's first."""
    counts = dict(before)
    for canary, fleet in pairs:
        if canary != fleet:
            more, less = counts.get(canary, (0, 0))
            counts[canary] = (more + 1, less)
            more, less = counts.get(fleet, (0, 0))
            counts[fleet] = (more, less + 1)
    return counts


def far(counts: Counts, *, classes: int, false_alarms: float) -> str | None:
    """The class that canaries answer far too often; None while nothing is certain.

    ``classes`` is how many there are, also those that were not seen: each has an equal part of the
    average, and must have it before the first item. ``false_alarms`` is the probability of an
    answer other than None, over all looks, where both models see alike.
    """
    ratios = {name: _ratio(*pair) for name, pair in counts.items()}
    unseen = max(0, classes - len(ratios))
    if (sum(ratios.values()) + unseen) / max(classes, len(ratios)) < 1 / false_alarms:
        return None
    return max(ratios, key=lambda name: ratios[name])


def _ratio(more: int, less: int) -> float:
    """How much likelier the counts are with ``MORE_LIKELY`` than with 1/2."""
    exponent = more * math.log(2 * MORE_LIKELY) + less * math.log(2 * (1 - MORE_LIKELY))
    return math.exp(min(exponent, 700))
