# SPDX-License-Identifier: Apache-2.0
"""Declared losses: what is right is read, what is wrong is named with what would be right."""

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools.breaking import BreakingError, declarations

GOOD = """+++
after = "0.1.0"

[[change]]
environment = "*"
stack = "Data"
resource = "DatasetBucket5A07B7EE"
effect = "replaced"
why = "S3 cannot encrypt an existing bucket with another kind of key"
+++
# The dataset bucket is a new one

Copy the photos first.
"""


def write(folder: Path, text: str, name: str = "0001-new-bucket.md") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_form_in_the_readme_is_a_good_one(tmp_path):
    readme = (ROOT / "docs" / "breaking" / "README.md").read_text(encoding="utf-8")
    write(tmp_path, readme.split("```\n")[1])
    write(tmp_path, "not a declaration", "README.md")
    [one] = declarations(tmp_path)
    assert (one.after, one.stack, one.effect) == ("0.1.0", "Data", "replaced")


def test_the_projects_own_declarations_are_good():
    declarations(ROOT / "docs" / "breaking")


def test_one_file_may_declare_several(tmp_path):
    change = GOOD.split("\n\n", 1)[1].split("+++", maxsplit=1)[0]
    write(tmp_path, GOOD.replace(change, change + change.replace('"*"', '"prod"')))
    assert [one.environment for one in declarations(tmp_path)] == ["*", "prod"]


@pytest.mark.parametrize(
    ("find", "put", "said"),
    [
        ('after = "0.1.0"', 'after = "v0.1.0"', "after = 'v0.1.0': the release upgraded from"),
        ('after = "0.1.0"', "", "after = None"),
        ('effect = "replaced"', 'effect = "lost"', "effect = 'lost'; allowed: replaced, removed"),
        ('stack = "Data"', "", "change 1: stack is missing"),
        ('stack = "Data"', 'stak = "Data"\nstack = "Data"', "unknown key 'stak'; allowed: "),
        ("why = ", "why = 'short' #", "why = 'short': at least 20"),
        ("[[change]]", "[other]", "other: allowed are after and at least one [[change]]"),
        ('after = "0.1.0"', "after = ", "not TOML"),
        ("+++\nafter", "after", "begin with TOML between two lines of +++"),
        ("# The dataset bucket is a new one\n\nCopy the photos first.\n", "", "an operator has"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path, find, put, said):
    assert find in GOOD
    path = write(tmp_path, GOOD.replace(find, put))
    with pytest.raises(BreakingError) as caught:
        declarations(tmp_path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_file_with_another_kind_of_name_is_named(tmp_path):
    path = write(tmp_path, GOOD, "new bucket.md")
    with pytest.raises(BreakingError, match="four digits") as caught:
        declarations(tmp_path)
    assert str(path) in str(caught.value)
