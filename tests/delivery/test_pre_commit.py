# SPDX-License-Identifier: Apache-2.0
"""The pre-commit hooks: local, present, and passing on what is committed."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text())
HOOKS = {hook["id"]: hook for repo in CONFIGURATION["repos"] for hook in repo["hooks"]}


def test_nothing_is_downloaded():
    assert [repo["repo"] for repo in CONFIGURATION["repos"]] == ["local"]
    assert {hook["language"] for hook in HOOKS.values()} == {"system"}


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_a_hook_finds_its_tool_and_its_files(hook):
    assert (ROOT / hook["entry"].split()[0]).exists()
    if "files" in hook:
        tracked = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert any(re.search(hook["files"], path) for path in tracked)


def test_a_hook_with_files_takes_them(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("import os\n")
    entry = HOOKS["ruff-check"]["entry"].split()
    done = subprocess.run([*entry, bad], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "F401" in done.stdout
