# SPDX-License-Identifier: Apache-2.0
"""The sample set is drawn again only where it would be another one."""

import pytest

from contracts.bins import ALL_BINS
from rehearsal import photos
from rehearsal.photos import Photos


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Draws, with two pictures for each class; returns the pictures and when each was written."""
    monkeypatch.setattr(photos, "_DRAWN", 2)

    def draw(bins=ALL_BINS):
        folder = Photos(source=None, view="", skip_bad=False, work=tmp_path, bins=bins)._drawn(None)
        return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*.jpg"))}

    return draw


def test_the_pictures_of_an_earlier_rehearsal_are_taken(drawn):
    assert len(drawn()) == 2 * len(ALL_BINS)
    assert drawn() == drawn()


def test_what_somebody_changed_is_drawn_again(drawn):
    before = {path: path.read_bytes() for path in drawn()}
    changed, removed = list(before)[:2]
    changed.write_bytes(b"no picture")
    removed.unlink()
    assert {path: path.read_bytes() for path in drawn()} == before


def test_other_drawing_code_draws_again(drawn, monkeypatch):
    before = drawn()
    monkeypatch.setattr(photos, "_drawing_code", lambda: "later")
    after = drawn()
    assert list(after) == list(before)
    assert all(after[path] != before[path] for path in before)
