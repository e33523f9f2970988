# SPDX-License-Identifier: Apache-2.0
"""An environment is one file: the cheap parts of the gate pass in a copy of the tree with one more.

Snapshots and docs/acknowledgements.md come from `make snapshots`; the tests that compare them
synthesise for a minute and are left out here.
"""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

CHEAP = (
    "tests/delivery/test_workflows.py",
    "tests/delivery/test_promotion.py",
    "tests/tools/test_readme.py",
    "tests/tools/test_environments.py",
)
COPIED = ("environments", "tests", "tools", "infra", "contracts", "docs", ".github", "stacks")
WRITTEN = "tests/synth/snapshots"


@pytest.fixture
def tree(tmp_path):
    """A copy of the tree, with an environment that `make new-environment` wrote."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
        elif not (tmp_path / path.name).exists() and path.name != ".git":
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


def run(tree, *arguments):
    path = os.pathsep.join(map(str, [tree, *sorted(tree.glob("packages/*/src"))]))
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_environment_is_one_file(tree):
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    values = ("--account", "444444444444", "--region", "eu-central-1", "--prefix", "binsight-qa")
    more = ("--removal", "destroy", "--approval", "manual", "--boundary", "")
    done = run(tree, "-m", "tools.new_environment", "--name", "qa", *values, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    touched = [
        path.relative_to(tree).as_posix()
        for path in tree.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        if before.get(path) != path.read_bytes()
    ]
    assert touched == ["environments/qa.toml"]
    # What `make snapshots` writes, which is another test: any template is enough to be there.
    shutil.copytree(tree / WRITTEN / "staging", tree / WRITTEN / "qa")
    skipped = "not estimate_alike and not make_command"  # about copied summaries; about documents
    done = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", skipped, *CHEAP)
    assert done.returncode == 0, done.stdout[-4000:]
    listed = run(tree, "-c", "from tools.assembly import promotion; print(promotion())")
    assert "'environment': 'qa', 'approval': True" in listed.stdout, listed.stderr
    order = [listed.stdout.index(f"'{name}'") for name in ("dev", "qa", "prod")]
    assert order == sorted(order)
