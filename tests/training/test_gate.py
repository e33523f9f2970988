# SPDX-License-Identifier: Apache-2.0
"""The gate refuses what it should, and says why so that a person understands."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.comparison import Paired, clearly_worse, loses_too_much, paired
from training.evaluation.quality_verdict import Measured, Thresholds, decide
from training.sagemaker_job import StepError

THRESHOLDS = Thresholds(
    minimum_accuracy=0.8, minimum_recall=0.6, maximum_int8_loss=1.0, tolerance=1.0
)
GOOD = Measured(accuracy=0.91, photos=250, bin_recall={"landfill": 0.7, "recycling": 0.98})


def _pair(*, lost: int, won: int, photos: int = 250) -> Paired:
    """Two models that disagree on ``lost + won`` photos."""
    before, after = np.ones(photos, np.bool_), np.ones(photos, np.bool_)
    after[:lost] = False
    before[lost : lost + won] = False
    return paired(before, after)


def test_a_good_model_passes_and_says_what_it_reached() -> None:
    verdict = decide(replace(GOOD, int8=_pair(lost=2, won=1)), THRESHOLDS)
    assert verdict.passed
    assert verdict.to_json()["passed_value"] == 1
    assert verdict.text == (
        "passed: accuracy 91.0% of 250 test photos (asked: at least 80.0%); recall of bin landfill "
        "70.0% (asked: at least 60.0%); recall of bin recycling 98.0% (asked: at least 60.0%); "
        "loss by int8 0.4 points on 250 test photos (asked: at most 1 points or one photo)"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"accuracy": 0.79}, "accuracy 79.0% of 250 test photos (asked: at least 80.0%)"),
        (
            {"bin_recall": {"landfill": 0.5, "recycling": 0.9}},
            "recall of bin landfill 50.0% (asked: at least 60.0%)",
        ),
        (
            {"int8": _pair(lost=9, won=1)},
            "loss by int8 3.2 points on 250 test photos (asked: at most 1 points or one photo)",
        ),
        ({"approved": _pair(lost=14, won=4)}, "against the model in service -4.0 points"),
    ],
)
def test_each_demand_refuses_by_name(change: dict, reason: str) -> None:
    verdict = decide(replace(GOOD, **change), THRESHOLDS)
    assert not verdict.passed
    assert verdict.to_json()["passed_value"] == 0
    assert len(verdict.reasons) == 1
    assert verdict.reasons[0].startswith(reason)
    assert verdict.text == f"refused: {verdict.reasons[0]}"


def test_what_a_bin_sees_comes_first_and_refuses() -> None:
    thresholds = replace(THRESHOLDS, minimum_item_accuracy=0.75)
    measured = replace(GOOD, item_accuracy=0.5, item_photos=240)
    verdict = decide(measured, thresholds)
    assert not verdict.passed
    assert verdict.text == (
        "refused: accuracy with the item on 35% of the view's width 50.0% of 240 test photos "
        "(asked: at least 75.0%)"
    )
    passed = decide(replace(measured, item_accuracy=0.75), thresholds)
    assert passed.passed
    assert passed.checks[0].name.startswith("accuracy with the item")


def test_an_unfair_comparison_informs_and_refuses_nothing() -> None:
    measured = replace(
        GOOD, approved=_pair(lost=60, won=0), approved_fair=False, approved_note="seen before"
    )
    verdict = decide(measured, THRESHOLDS)
    assert verdict.passed
    assert verdict.notes[0] == "seen before"
    assert verdict.notes[1].startswith("not counted: against the model in service -24.0 points")


def test_where_there_are_new_photos_the_old_ones_are_judged_apart() -> None:
    """Ten photos won of a new kind do not make up for three of the known kinds lost."""
    halves = {"old_photos": _pair(lost=3, won=0), "new_photos": _pair(lost=0, won=10, photos=20)}
    measured = replace(GOOD, approved=_pair(lost=3, won=10, photos=270), **halves)
    verdict = decide(measured, THRESHOLDS)
    assert verdict.text == (
        "refused: old photos -1.2 points (98.8% after 100.0% on the same 250 photos; p = 0.12) "
        "(asked: not worse by more than 1 points or one photo)"
    )
    assert [check.name for check in verdict.checks[-2:]] == ["old photos", "new photos"]
    allowed = decide(measured, replace(THRESHOLDS, maximum_forgetting=1.2))
    assert allowed.passed
    two = decide(replace(measured, old_photos=_pair(lost=2, won=0)), THRESHOLDS)
    assert two.passed
    new = decide(
        replace(
            measured,
            old_photos=_pair(lost=0, won=0),
            new_photos=_pair(lost=9, won=0, photos=100),
        ),
        THRESHOLDS,
    )
    assert new.text.startswith("refused: new photos -9.0 points")


@pytest.mark.parametrize(
    ("name", "value", "highest"),
    [
        ("minimum_item_accuracy", 75.0, 1),
        ("minimum_accuracy", 80.0, 1),
        ("minimum_recall", -0.1, 1),
        ("maximum_int8_loss", 101.0, 100),
        ("tolerance", float("nan"), 100),
    ],
)
def test_thresholds_out_of_range_are_named(name: str, value: float, highest: int) -> None:
    shown = name.replace("_", "-")
    with pytest.raises(
        StepError, match=rf"{shown} = {value}; allowed: numbers from 0 to {highest}"
    ):
        Thresholds(**{name: value})


def test_mcnemar_against_values_worked_out_by_hand() -> None:
    # 1 of 2^5 ways to lose all five; (1 + 5) / 2^5 to lose at least four of five.
    assert _pair(lost=5, won=0).p_worse == pytest.approx(1 / 32)
    assert _pair(lost=4, won=1).p_worse == pytest.approx(6 / 32)
    assert _pair(lost=0, won=0).p_worse == 1.0
    with pytest.raises(ValueError, match="expected the same"):
        paired(np.ones(3, np.bool_), np.ones(2, np.bool_))


COUNTS = st.integers(0, 60)


@given(lost=COUNTS, won=COUNTS, tolerance=st.floats(0, 10), photos=st.integers(120, 1000))
def test_what_the_comparison_promises(lost: int, won: int, tolerance: float, photos: int) -> None:
    found = _pair(lost=lost, won=won, photos=photos)
    worse = clearly_worse(found, tolerance=tolerance)
    assert found.after - found.before == pytest.approx((won - lost) / photos)
    if worse:
        assert found.points_lost > tolerance
        assert lost > won + 1, "never better, never over a single photo"
        assert found.p_worse < 0.05 or found.points_lost > 2 * tolerance
        # Losing even more, or a stricter gate, never turns a refusal into a pass.
        assert clearly_worse(_pair(lost=lost + 1, won=won, photos=photos), tolerance=tolerance)
        assert clearly_worse(found, tolerance=tolerance / 2)
    elif lost > won + 1 and found.points_lost > tolerance:
        assert found.p_worse >= 0.05
    if loses_too_much(found, limit=tolerance):
        assert lost > won + 1
        assert found.points_lost > tolerance


@given(
    accuracy=st.floats(0, 1),
    recall=st.dictionaries(st.sampled_from(["compost", "landfill", "recycling"]), st.floats(0, 1)),
    lost=COUNTS,
    won=COUNTS,
)
def test_passed_means_that_every_demand_is_met(
    accuracy: float, recall: dict[str, float], lost: int, won: int
) -> None:
    compared = _pair(lost=lost, won=won)
    measured = Measured(
        accuracy=accuracy, photos=250, bin_recall=recall, int8=compared, approved=compared
    )
    verdict = decide(measured, THRESHOLDS)
    expected = (
        accuracy >= 0.8
        and all(value >= 0.6 for value in recall.values())
        and not loses_too_much(compared, limit=1.0)
        and not clearly_worse(compared, tolerance=1.0)
    )
    assert verdict.passed == expected
    assert verdict.reasons
    assert len(verdict.text) <= 600
    assert "\n" not in verdict.text
