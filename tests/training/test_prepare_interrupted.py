# SPDX-License-Identifier: Apache-2.0
"""Prepare on a full disk and under SIGTERM: the cause is named, nothing half done is left."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.steps import ROOT, environment, files


def test_a_full_disk_is_named_and_leaves_nothing(sample: Path, tmp_path: Path) -> None:
    """A real one: a file system of 256 KiB in a mount namespace of its own."""
    output = tmp_path / "disk"
    output.mkdir()
    script = 'mount -t tmpfs -o size=256k none "$0" && "$@"; code=$?; ls -A "$0"; exit $code'
    tool = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if (
        shutil.which("unshare") is None
        or subprocess.run(
            [*tool, 'mount -t tmpfs none "$0"', str(output)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("this machine lets nobody mount a small file system")
    program = [sys.executable, "-m", "training.prepare", "--dataset", str(sample)]
    done = subprocess.run(
        [*tool, script, str(output), *program, "--output", str(output)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(f"error: output {output}: No space left on device; ")
    assert "Nothing was left behind" in done.stderr
    assert done.stdout.splitlines()[-1].startswith(("prepare:", "checked=")), done.stdout


def test_sigterm_leaves_nothing_and_says_so(dataset: Path, tmp_path: Path) -> None:
    for number in range(400):
        os.link(dataset / "compost" / "compost001.jpg", dataset / "compost" / f"x{number}.jpg")
    process = subprocess.Popen(
        [*(sys.executable, "-m", "training.prepare", "--dataset", str(dataset)),
         *("--output", str(tmp_path / "out"))],
        cwd=ROOT,
        env=environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert any(line.startswith("checked=") for line in iter(process.stdout.readline, ""))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, errors) == (
        *(143, "error: stopped by SIGTERM; nothing was left as a result\n"),
    )
    assert files(tmp_path / "out") == {}
