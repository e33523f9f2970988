# SPDX-License-Identifier: Apache-2.0
"""Decides whether a model may be registered, with the reasons. Pure logic over measured values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from training.evaluation.comparison import SIGNIFICANT, Paired, clearly_worse, loses_too_much
from training.sagemaker_job import StepError

_LONGEST = 600
"""SageMaker truncates a Fail step's message, and the end of the line is important."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The requirements for a model. Shares from 0 to 1; losses in percentage points."""

    minimum_item_accuracy: float = 0.0
    minimum_accuracy: float = 0.0
    minimum_recall: float = 0.0
    maximum_int8_loss: float = 100.0
    tolerance: float = 2.0
    maximum_forgetting: float = 1.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            highest = 1 if name.startswith("minimum") else 100
            # Written so that NaN is refused as well.
            if not 0 <= value <= highest:
                shown = name.replace("_", "-")
                raise StepError(f"{shown} = {value}; allowed: numbers from 0 to {highest}")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measurements that the gate checks.

    ``bin_recall`` has the bins that occur among the test photos. ``int8`` is None for a float model
    (``float_note`` gives the reason), ``approved`` is None without a model to compare with;
    ``approved_note`` explains that, or the comparison. An unfair comparison is shown but refuses
    nothing. ``old_photos`` and ``new_photos`` are the same comparison in two parts, if there are
    both: the photos that the model in service was tested with, and the rest. ``item_accuracy`` is
    that of an item on ``item_share`` of the view, None if it was not measured.
    """

    accuracy: float
    photos: int
    bin_recall: Mapping[str, float]
    int8: Paired | None = None
    int8_measured_on: str = "test"
    approved: Paired | None = None
    approved_fair: bool = True
    approved_note: str = ""
    old_photos: Paired | None = None
    new_photos: Paired | None = None
    float_note: str = ""
    item_accuracy: float | None = None
    item_share: float = 0.35
    item_photos: int = 0


@dataclass(frozen=True, kw_only=True)
class Check:
    """One requirement: the measured value, the required one, and whether it is met."""

    name: str
    found: str
    asked: str
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the model passed, with one line per reason."""

    checks: Sequence[Check]
    notes: Sequence[str] = field(default=())

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """The requirements that were missed; if there are none, those that were met."""
        shown = [check for check in self.checks if not check.passed] or list(self.checks)
        return [f"{check.name} {check.found} (asked: {check.asked})" for check in shown]

    @property
    def text(self) -> str:
        """One line for people."""
        line = ("passed: " if self.passed else "refused: ") + "; ".join(self.reasons)
        return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"

    def to_json(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            # Conditions of a pipeline compare numbers, not truth values.
            "passed_value": int(self.passed),
            "text": self.text,
            "reasons": self.reasons,
            "checks": [asdict(check) for check in self.checks],
            "notes": list(self.notes),
        }


def decide(measured: Measured, thresholds: Thresholds) -> Verdict:
    """Check every requirement, in the order of the report. Results at the bins come first."""
    checks = []
    if measured.item_accuracy is not None:
        checks.append(
            Check(
                name=f"accuracy with the item on {measured.item_share:.0%} of the view's width",
                found=f"{measured.item_accuracy:.1%} of {measured.item_photos} test photos",
                asked=f"at least {thresholds.minimum_item_accuracy:.1%}",
                passed=measured.item_accuracy >= thresholds.minimum_item_accuracy,
            )
        )
    checks += [
        Check(
            name="accuracy",
            found=f"{measured.accuracy:.1%} of {measured.photos} test photos",
            asked=f"at least {thresholds.minimum_accuracy:.1%}",
            passed=measured.accuracy >= thresholds.minimum_accuracy,
        )
    ]
    checks += [
        Check(
            name=f"recall of bin {name}",
            found=f"{recall:.1%}",
            asked=f"at least {thresholds.minimum_recall:.1%}",
            passed=recall >= thresholds.minimum_recall,
        )
        for name, recall in measured.bin_recall.items()
    ]
    notes = [note for note in (measured.float_note, measured.approved_note) if note]
    if measured.int8 is not None:
        checks.append(_int8(measured.int8, thresholds.maximum_int8_loss, measured.int8_measured_on))
    if measured.old_photos is not None and measured.new_photos is not None:
        checks.append(_old_photos(measured.old_photos, thresholds.maximum_forgetting))
        checks.append(_against("new photos", measured.new_photos, thresholds.tolerance))
    elif measured.approved is not None:
        name = "against the model in service"
        check = _against(name, measured.approved, thresholds.tolerance)
        if measured.approved_fair:
            checks.append(check)
        else:
            notes.append(f"not counted: {check.name} {check.found}")
    return Verdict(checks=checks, notes=notes)


def _int8(compared: Paired, limit: float, measured_on: str) -> Check:
    return Check(
        name="loss by int8",
        found=f"{compared.points_lost:.1f} points on {compared.photos} {measured_on} photos",
        asked=f"at most {limit:g} points or one photo",
        passed=not loses_too_much(compared, limit=limit),
    )


def _old_photos(compared: Paired, limit: float) -> Check:
    return Check(
        name="old photos",
        found=_change(compared),
        asked=f"not worse by more than {limit:g} points or one photo",
        passed=not loses_too_much(compared, limit=limit),
    )


def _change(compared: Paired) -> str:
    change = 0.0 - compared.points_lost  # not -0.0
    return (
        f"{change:+.1f} points ({compared.after:.1%} after {compared.before:.1%} on the same "
        f"{compared.photos} photos; p = {compared.p_worse:.2g})"
    )


def _against(name: str, compared: Paired, tolerance: float) -> Check:
    return Check(
        name=name,
        found=_change(compared),
        asked=(
            f"not worse by {tolerance:g} points with p < {SIGNIFICANT:g}, nor by "
            f"{2 * tolerance:g} points"
        ),
        passed=not clearly_worse(compared, tolerance=tolerance),
    )
