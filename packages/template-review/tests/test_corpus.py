# SPDX-License-Identifier: Apache-2.0
"""Changes of known danger: every dangerous one is flagged, no harmless one is called dangerous."""

from collections import Counter
from collections.abc import Callable

import pytest

from review_testing.changes import Case, cases
from review_testing.matrix import matrix
from review_testing.plugin import PROJECT
from template_review.comparison import differ
from template_review.model import Item, Level
from template_review.verdict import items_of, verdict

CASES = list(cases())


@pytest.fixture(scope="module")
def judged() -> dict[str, list[Item]]:
    """All cases, compared in one run of the differ."""
    pairs = differ.compare([(case.title, case.base, case.head) for case in CASES], project=PROJECT)
    return {pair.environment: items_of(pair) for pair in pairs}


def test_titles_are_unique():
    assert not [title for title, count in Counter(c.title for c in CASES).items() if count > 1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.area}: {case.title}")
def test_verdict(case: Case, judged: dict[str, list[Item]]):
    items = judged[case.title]
    said = [f"{item.level.words}: {item.subject}: {item.text}" for item in items]
    assert verdict(items) is case.expected, "\n".join(said)
    if case.because:
        reasons = [item for item in items if case.because in item.text]
        assert reasons, "\n".join(said)
        # The stated reason is what makes the verdict, not something beside it.
        assert case.expected is not Level.DANGEROUS or any(
            item.level is Level.DANGEROUS for item in reasons
        ), "\n".join(said)


def test_confusion_matrix(
    judged: dict[str, list[Item]],
    record_property: Callable[[str, object], None],
):
    pairs = [(case.expected, verdict(judged[case.title])) for case in CASES]
    counts = Counter(pairs)
    # tests/conftest.py prints it at the end of the run.
    record_property("shown", matrix("review, own corpus", "known to be", pairs))
    dangerous = sum(case.expected is Level.DANGEROUS for case in CASES)
    assert dangerous >= 30
    assert counts[Level.DANGEROUS, Level.DANGEROUS] == dangerous
    assert counts[Level.SAFE, Level.DANGEROUS] == 0
    assert counts[Level.LOOK, Level.DANGEROUS] == 0
