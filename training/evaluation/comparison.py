# SPDX-License-Identifier: Apache-2.0
"""Compares two models on the same photos: which one is better, and whether it may be chance."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special  # type: ignore[import-untyped]

Right = NDArray[np.bool_]

SIGNIFICANT = 0.05


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Only photos on which the two disagree matter.

    ``lost`` counts those that only the earlier model has right, ``won`` those that only the later
    one has right. ``p_worse`` is the probability of losing that many or more of them if both were
    equally good (McNemar's test, exact, one-sided).
    """

    photos: int
    before: float
    after: float
    lost: int
    won: int
    p_worse: float

    @property
    def points_lost(self) -> float:
        """Accuracy lost from before to after in percentage points; negative if it rose."""
        return 100 * (self.lost - self.won) / self.photos

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "points_lost": self.points_lost}


def paired(before: Right, after: Right) -> Paired:
    """Compare right (true) and wrong answers to the same photos, in the same order."""
    if before.shape != after.shape or not len(before):
        raise ValueError(f"{before.shape} and {after.shape} answers; expected the same, not none")
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    # The binomial tail from ``lost`` on; scipy.stats would take seconds to import.
    p_worse = float(special.betainc(lost, won + 1, 0.5)) if lost else 1.0
    return Paired(
        photos=len(before),
        before=float(before.mean()),
        after=float(after.mean()),
        lost=lost,
        won=won,
        p_worse=p_worse,
    )


def loses_too_much(compared: Paired, *, limit: float) -> bool:
    """Whether more than ``limit`` points are lost, for measurements without chance (int8).

    One photo is always tolerated: in a small set it is worth more points than any limit.
    """
    return compared.points_lost > limit and compared.lost - compared.won > 1


def clearly_worse(compared: Paired, *, tolerance: float) -> bool:
    """Whether the later model must not replace the earlier one.

    It lost more than ``tolerance`` points and the loss is significant, or it lost more than twice
    the tolerance, significant or not: few photos cannot prove a loss, but a large one must count.
    One photo is always tolerated.
    """
    if compared.lost - compared.won <= 1:
        return False
    beyond = compared.points_lost > tolerance and compared.p_worse < SIGNIFICANT
    return beyond or compared.points_lost > 2 * tolerance
