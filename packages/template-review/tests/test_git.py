# SPDX-License-Identifier: Apache-2.0
"""git's answers do not depend on the variables and settings of the person who asks."""

import os
import subprocess
from pathlib import Path

import pytest

from template_review.git import git_text
from template_review.synthesis.tree import resolve


def repository(folder: Path, subject: str) -> Path:
    """A repository of its own. Nothing of the caller's repository may reach it."""
    folder.mkdir()
    (folder / "a \u00e9.txt").write_text(subject)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    person = (
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.org",
        "-c",
        "init.defaultBranch=main",
    )
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", subject)):
        subprocess.run(["git", *person, *arguments], cwd=folder, env=clean, check=True)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("git")
    return repository(root / "ours", "Gr\u00fc\u00dfe"), repository(root / "other", "Another")


def test_the_variables_of_a_hook_lead_to_no_other_repository(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, other = pair
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert "Gr\u00fc\u00dfe" in resolve("HEAD", ours).described


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("color.ui", "always"),
        ("core.quotePath", "true"),
        ("log.showSignature", "true"),
        ("i18n.logOutputEncoding", "latin1"),
    ],
)
def test_a_persons_own_settings_change_no_answer(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    ours, _ = pair
    expected = (resolve("HEAD", ours), git_text(ours, "ls-files"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", key)
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", value)
    assert (resolve("HEAD", ours), git_text(ours, "ls-files")) == expected
    assert expected[1] == "a \u00e9.txt\n"
