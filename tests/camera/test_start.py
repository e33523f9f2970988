# SPDX-License-Identifier: Apache-2.0
"""The generic component's start script: it finds the Python it needs or says what is missing."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "lambda" / "inference" / "start.sh"
PACKAGES = ("numpy", "onnxruntime", "simplejpeg", "awscrt")


@pytest.fixture
def artifact(tmp_path):
    """A folder that looks like the unpacked artifact."""
    folder = tmp_path / "artifact"
    folder.mkdir()
    # What this machine has in the usual places is not what the box has.
    text = SCRIPT.read_text(encoding="utf-8")
    for place in ("/usr/local/bin/python", "/usr/bin/python", "/opt/python"):
        assert place in text
        text = text.replace(place, f"{tmp_path}/nowhere/python")
    (folder / SCRIPT.name).write_text(text, encoding="utf-8")
    (folder / "camera_component.py").write_text(
        "import os, sys; print('runs', sys.version_info[:2], os.environ.get('KEPT')); sys.exit(7)"
    )
    for name in PACKAGES:
        (folder / f"{name}.py").write_text("")
    return folder


@pytest.fixture
def box(tmp_path):
    """The folder that is the PATH of a camera, with the usual tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "dirname", "id", "mkdir", "chown", "stat", "uname", "tail"):
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


def python(box, name, version):
    """A Python of this version; 3.11 is the real one."""
    path = box / name
    if version == "3.11":
        path.symlink_to(os.path.realpath(sys.executable))
    else:
        path.write_text(f"#!/bin/sh\necho {version}\n")
        path.chmod(0o755)


def start(artifact, box, *arguments, **environment):
    return subprocess.run(
        ["sh", str(artifact / "start.sh"), *arguments],
        env={"PATH": str(box), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["python3.11", "python3", "python"])
def test_it_runs_with_any_python_of_the_right_version(artifact, box, name):
    python(box, name, "3.11")
    done = start(artifact, box, "run", KEPT="yes")
    assert (done.returncode, done.stdout) == (7, "runs (3, 11) yes\n")


def test_a_python_may_be_named(artifact, box, tmp_path):
    python(tmp_path, "elsewhere", "3.11")
    done = start(artifact, box, "run", BINSIGHT_PYTHON=str(tmp_path / "elsewhere"))
    assert done.returncode == 7


@pytest.mark.parametrize("step", [["run"], ["prepare", "models"]])
def test_another_python_is_named_with_what_to_do(artifact, box, step):
    done = start(artifact, box, *step)
    assert done.returncode == 3
    assert "needs Python 3.11" in done.stderr
    assert "no Python was found" in done.stderr
    python(box, "python3", "3.9")
    done = start(artifact, box, *step)
    assert done.returncode == 3
    assert "python3 is 3.9; install python3.11" in done.stderr


def test_the_model_folder_is_made_for_the_owner_of_the_artifact(artifact, box, tmp_path):
    python(box, "python3", "3.11")
    folder = tmp_path / "var" / "models"
    if os.geteuid() == 0:
        os.chown(artifact, 1234, 1235)
    done = start(artifact, box, "prepare", str(folder))
    assert done.returncode == 0, done.stderr
    assert f"models in {folder}" in done.stdout
    assert (folder.stat().st_uid, folder.stat().st_gid) == (
        artifact.stat().st_uid,
        artifact.stat().st_gid,
    )


def test_a_folder_that_is_there_keeps_its_owner(artifact, box, tmp_path):
    python(box, "python3", "3.11")
    if os.geteuid() == 0:
        os.chown(artifact, 1234, 1235)
    before = tmp_path.stat()
    assert start(artifact, box, "prepare", str(tmp_path)).returncode == 0
    assert (tmp_path.stat().st_uid, tmp_path.stat().st_gid) == (before.st_uid, before.st_gid)


def test_packages_that_do_not_load_are_told_with_the_reason(artifact, box, tmp_path):
    python(box, "python3", "3.11")
    (artifact / "onnxruntime.py").write_text("raise ImportError('GLIBC_2.28 not found')")
    done = start(artifact, box, "prepare", str(tmp_path / "models"))
    assert done.returncode == 3
    assert "do not load on this box" in done.stderr
    assert "GLIBC_2.28 not found" in done.stderr
    assert not (tmp_path / "models").exists()


def test_an_unknown_step_is_refused(artifact, box):
    assert start(artifact, box, "Run").returncode == 3
