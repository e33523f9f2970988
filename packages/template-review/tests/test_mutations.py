# SPDX-License-Identifier: Apache-2.0
"""The independent corpus: changes labelled by what AWS documents, not by the review's rules."""

from collections import Counter
from collections.abc import Callable

import pytest

from review_testing.changes import assembly, frozen
from review_testing.matrix import matrix
from review_testing.mutations import generate
from review_testing.plugin import PROJECT
from template_review.comparison import differ
from template_review.model import Item, Level
from template_review.verdict import items_of, verdict

SEED, PER_OPERATOR = 20261127, 6
BASE = frozen()
MUTATIONS = generate(BASE, SEED, PER_OPERATOR)
LABELS = {mutation.title: mutation.operator.label for mutation in MUTATIONS}


@pytest.fixture(scope="module")
def judged() -> dict[str, list[Item]]:
    """All mutations, compared in one run of the differ."""
    unchanged = assembly(BASE)
    changed = [(m.title, unchanged, assembly(m.applied(BASE))) for m in MUTATIONS]
    return {pair.environment: items_of(pair) for pair in differ.compare(changed, project=PROJECT)}


def said(titles: list[str], judged: dict[str, list[Item]]) -> str:
    """For the message of a failing test: what the review found."""
    lines = []
    for title in titles:
        lines.append(title)
        lines += [f"    {i.level.words}: {i.subject}: {i.text}" for i in judged[title]]
    return "\n".join(lines)


def test_the_corpus_is_large_and_the_same_every_time():
    again = generate(frozen(), SEED, PER_OPERATOR)
    assert [each.title for each in again] == [each.title for each in MUTATIONS]
    assert len(LABELS) == len(MUTATIONS) >= 150
    counts = Counter(LABELS.values())
    assert counts[Level.DANGEROUS] >= 100
    assert counts[Level.SAFE] >= 60
    assert all(each.operator.source for each in MUTATIONS)


def test_every_mutation_changes_something():
    unchanged = [each.title for each in MUTATIONS if each.applied(BASE) == BASE]
    assert unchanged == []


def test_nothing_dangerous_is_called_safe(judged: dict[str, list[Item]]):
    missed = [
        title
        for title, items in judged.items()
        if LABELS[title] is Level.DANGEROUS and verdict(items) is Level.SAFE
    ]
    assert not missed, said(missed, judged)


@pytest.mark.parametrize(("label", "share"), [(Level.DANGEROUS, 0.95), (Level.SAFE, 0.90)])
def test_most_are_called_what_they_are(label: Level, share: float, judged: dict[str, list[Item]]):
    mine = [title for title in judged if LABELS[title] is label]
    wrong = [title for title in mine if verdict(judged[title]) is not label]
    assert len(wrong) <= (1 - share) * len(mine), said(wrong, judged)


def test_confusion_matrix(
    judged: dict[str, list[Item]], record_property: Callable[[str, object], None]
):
    pairs = [(LABELS[title], verdict(items)) for title, items in judged.items()]
    # tests/conftest.py prints it at the end of the run.
    record_property("shown", matrix("review, independent corpus", "AWS says", pairs))
    assert len(pairs) == len(MUTATIONS)
