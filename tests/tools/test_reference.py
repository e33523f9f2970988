# SPDX-License-Identifier: Apache-2.0
"""The reference pages are what the code says."""

import pytest

from infra.config.base import keys_of
from infra.config.settings import Settings
from tests.conftest import ROOT
from tools.reference import TEMPLATE, pages, template_comments

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_page_is_current(path):
    assert path.exists()
    assert path.read_text(encoding="utf-8") == PAGES[path], "run: make reference"


def test_every_setting_has_a_meaning():
    """A key without a comment in the template would be a row that says nothing."""
    comments = template_comments(TEMPLATE.read_text(encoding="utf-8"))
    for name, found in Settings.model_fields.items():
        section = hasattr(found.annotation, "model_fields")
        for key in keys_of(found.annotation) if section else [None]:
            place = (name, key) if key else ("", name)
            assert comments.get(place), f"{TEMPLATE.name}: no comment for {place}"


def test_a_comment_beside_a_key_wins_over_the_one_above_and_may_go_on():
    text = "# Above both.\na = 1\nb = 2  # beside\n       # and on\n\n# Of the table.\n[c]\n"
    text += '# d = "#"  # e\n'
    assert template_comments(text) == {
        ("", "a"): "Above both.",
        ("", "b"): "beside and on",
        ("", "c"): "Of the table.",
        ("c", "d"): "e",
    }
