# SPDX-License-Identifier: Apache-2.0
"""docs/releases.toml: its form, and that it fits the project and its history."""

import subprocess
import tomllib

import pytest

from tests.conftest import ROOT
from tools.releases import FILE, ReleaseError, newest, order, releases

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GOOD = f'''[[release]]
version = "0.9.0"
date = 2026-11-27
commit = "{COMMIT}"

[[release]]
version = "0.10.0"
date = 2026-12-01
commit = "{COMMIT}"
'''


@pytest.fixture
def written(tmp_path):
    (tmp_path / "docs").mkdir()

    def write(text):
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_the_newest_is_the_last(written):
    assert [each.version for each in releases(written(GOOD))] == ["0.9.0", "0.10.0"]
    assert newest(written(GOOD)).version == "0.10.0"
    assert newest(written("# nothing yet\n")) is None


@pytest.mark.parametrize(
    ("find", "put", "said"),
    [
        ('"0.10.0"', '"0.8.0"', "0.8.0 of 2026-12-01 stands after 0.9.0 of 2026-11-27"),
        ('"0.10.0"', '"0.9.0"', "versions and dates must ascend"),
        ("2026-12-01", "2026-11-01", "versions and dates must ascend"),
        ('"0.9.0"', '"v0.9.0"', "release 1: version = 'v0.9.0': needed: three numbers"),
        ("2026-11-27", '"2026-11-27"', "needed: a date without quotes"),
        (f'"{COMMIT}"', '"0123456"', "needed: the 40 hexadecimal digits"),
        ("date =", "day =", "date = None: needed"),
        ("date =", "tag = 1\ndate =", "unknown key 'tag'; allowed: version, date, commit"),
        ('[[release]]\nversion = "0.9', '[releases]\nversion = "0.9', "only [[release]]"),
        ("date =", "date", "not readable"),
    ],
)
def test_a_mistake_is_named(written, find, put, said):
    assert find in GOOD
    root = written(GOOD.replace(find, put, 1) if find != "date =" else GOOD.replace(find, put))
    with pytest.raises(ReleaseError) as caught:
        releases(root)
    assert str(root / FILE) in str(caught.value)
    assert said in str(caught.value)


def test_the_projects_version_is_the_newest_release_or_a_later_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    last = newest(ROOT)
    assert last is None or order(project["version"]) >= last.order


def test_every_released_commit_is_in_the_history():
    shallow = ["git", "rev-parse", "--is-shallow-repository"]
    done = subprocess.run(shallow, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.stdout.strip() != "false":
        pytest.skip("no whole history here: a shallow clone, or no git checkout")
    for each in releases(ROOT):
        ancestor = ["git", "merge-base", "--is-ancestor", each.commit, "HEAD"]
        assert subprocess.run(ancestor, cwd=ROOT, check=False).returncode == 0, each
