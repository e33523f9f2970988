# SPDX-License-Identifier: Apache-2.0
"""The same commit gives the same cloud assembly at any path, in any time zone, for any umask."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.synth.assembly_cache import synth_environment
from tests.synth.conftest import ROOT

PLACES = (
    ("here", {"TZ": "UTC", "LC_ALL": "C"}, 0o022),
    ("quite another/place", {"TZ": "Pacific/Chatham", "LC_ALL": "C.UTF-8"}, 0o077),
)
SOURCES = (
    "app.py",
    "cdk.json",
    "contracts",
    "environments",
    "infra",
    "lambda",
    "stacks",
    "training",
)


def copy_of_the_tree(destination: Path) -> None:
    """What a clone has, plus the installed packages (they come from a lock, by digest)."""
    destination.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(source, destination / name, ignore=ignored)
        else:
            shutil.copy(source, destination / name)
    shutil.copytree(ROOT / ".build" / "packages", destination / ".build" / "packages")


def assembly(folder: Path) -> dict[str, str]:
    """Digest of every file below the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("environment", ["prod"])
def test_assemblies_from_two_clones_are_identical(tmp_path: Path, environment: str) -> None:
    subprocess.run([sys.executable, "-m", "infra.assets.bundling"], cwd=ROOT, check=True)
    running = []
    for place, variables, umask in PLACES:
        tree = tmp_path / place
        copy_of_the_tree(tree)
        context = json.loads((tree / "cdk.json").read_text())["context"]
        running.append(
            subprocess.Popen(
                [
                    "/bin/sh",
                    *("-c", '"$0" -m infra.assets.bundling && exec "$0" app.py', sys.executable),
                ],
                cwd=tree,
                umask=umask,
                stderr=subprocess.PIPE,
                env={
                    **synth_environment(),
                    **variables,
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "PYTHONHASHSEED": str(len(running)),
                    "BINSIGHT_ENVIRONMENT": environment,
                    "CDK_OUTDIR": str(tree / "cdk.out"),
                    "CDK_CONTEXT_JSON": json.dumps(context),
                },
            )
        )
    for process in running:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, os.fsdecode(errors)
    first, second = (assembly(tmp_path / place / "cdk.out") for place, _, _ in PLACES)
    assert "Edge.template.json" in first
    assert first == second
