# SPDX-License-Identifier: Apache-2.0
"""Permissions are covered, like lines: what is granted is exercised or explained."""

from __future__ import annotations

import fnmatch
import re

import pytest

from rehearsal.permissions.coverage import Exercised, cover, explanations
from rehearsal.permissions.page import PAGE, SNAPSHOTS, page, read_record, snapshot_pairs, union
from tests.conftest import ROOT
from tests.synth.variants import TAKES

ENVIRONMENTS = sorted(folder.name for folder in SNAPSHOTS.iterdir() if folder.is_dir())
LOWEST_SHARE = 0.6
"""What is true today (docs/permissions.md); the aim is 0.9; the rest is explained."""
RECORD = read_record()
WHOLE = union(RECORD.values())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_granted_is_exercised_or_explained(environment: str) -> None:
    pairs = snapshot_pairs(SNAPSHOTS / environment)
    counts = cover(pairs, WHOLE, explanations())
    assert counts.open == [], (
        "granted, never exercised and not explained; take it away, exercise it (make permissions), "
        "or explain it in rehearsal/permissions/unexercised.toml"
    )
    # A rehearsal has one environment: tests/promotion exercises what two have between them.
    if environment != TAKES:
        assert counts.exercised / counts.granted >= LOWEST_SHARE


def test_what_was_exercised_is_granted() -> None:
    granted = {pair for name in ENVIRONMENTS for pair in snapshot_pairs(SNAPSHOTS / name)}
    stray = [
        (role, action)
        for role, action in WHOLE.stages
        if not any(
            role == name and fnmatch.fnmatch(action.lower(), pattern.lower())
            for name, pattern in granted
        )
    ]
    assert stray == []


def test_every_explanation_is_needed() -> None:
    pairs = {pair for name in ENVIRONMENTS for pair in snapshot_pairs(SNAPSHOTS / name)}
    unused = [pair for pair in pairs if not WHOLE.of(pair)]
    stale = [reason for reason in explanations() if not any(reason.covers(p) for p in unused)]
    assert stale == []


def test_the_tests_that_explanations_name_are_there() -> None:
    for reason in explanations():
        for path in re.findall(r"[\w/-]*tests/[\w/]+\.py", reason.reason):
            assert (ROOT / path).is_file(), f"{reason.reason}: {path} is gone"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(RECORD), "run: make permissions-page"


def test_an_open_pair_is_noticed() -> None:
    """The check can fail."""
    exercised = Exercised()
    exercised.stages["data/Role", "s3:GetObject"].add("training")
    pairs = [
        ("data/Role", "s3:Get*"),
        ("data/Role", "s3:PutObject"),
        ("data/Other", "s3:GetObject"),
    ]
    counts = cover(pairs, exercised, [])
    assert counts.open == [("data/Other", "s3:GetObject"), ("data/Role", "s3:PutObject")]
    assert (counts.granted, counts.exercised, counts.explained) == (3, 1, 0)
    record = Exercised()
    record.stages["data/Role", "s3:PutObject"].add("stopped trainings")
    counts = cover(pairs, exercised, [], record=record)
    assert (counts.open, counts.recorded) == ([("data/Other", "s3:GetObject")], 1)
    assert "1 more by `make permissions`, 0 explained, 1 open" in str(counts)
