# SPDX-License-Identifier: Apache-2.0
"""Commands whose output goes into a pipe that closes, onto a full disk or into a closed folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# These run before anything is installed, on a camera, or in a notebook's own environment.
ALONE = {
    "lambda/inference/camera_component.py",
    "tools/install.py",
    "tools/templates/enrolment/rotate.py",
    "training/check_requirements.py",
    "training/notebooks/stop_when_idle.py",
}
# Nobody calls these by hand: a rehearsal starts them, and reads what they print.
STARTED = {
    "infra/assets/bundling.py",
    "stacks/github_oidc.py",
    "rehearsal/execute_notebook.py",
    "rehearsal/fleet/site.py",
    "rehearsal/simulated_core/lambda_runtime.py",
}
MANY = "for n in range(100_000): print(n)"
CONSOLE = "from tools.console import PipedConsole; PipedConsole()"


def ended(body: str, output: int | None = None) -> tuple[int, str]:
    """Exit status and stderr of a command whose ``main`` is ``body``."""
    return _python(
        "import sys\nfrom contracts.command_line import run_command\n"
        f"def main():\n    {body}\n    return 3\nsys.exit(run_command(main))\n",
        output,
    )


def _python(program: str, output: int | None = None) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_reader_that_has_enough_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert ended(MANY, writer) == (0, "")
        assert ended("print('one line')", writer) == (0, "")
    finally:
        os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        status, said = ended(MANY, full.fileno())
    assert (status, said.count("\n")) == (1, 1)
    assert "output: No space left on device" in said


def test_a_file_that_may_not_be_written_is_named() -> None:
    status, said = ended("raise PermissionError(13, 'Permission denied', '/x/fleet.html')")
    assert (status, said.count("\n")) == (1, 1)
    assert said.endswith("/x/fleet.html: Permission denied\n")


def test_the_status_is_the_commands_own_and_other_errors_are_not_hidden() -> None:
    assert ended("pass")[0] == 3
    status, said = ended("raise OSError(5, 'Input/output error')")
    assert status == 1
    assert "Traceback" in said


def test_every_command_ends_in_this_way() -> None:
    folders = ["benchmarks", "contracts", "infra", "lambda/inference", "rehearsal", "tools"]
    folders += ["stacks", "training"]
    for program in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        name, text = program.relative_to(ROOT).as_posix(), program.read_text(encoding="utf-8")
        called = re.search(r"^    (sys\.exit|main|\w+\.run)\(", text, re.MULTILINE)
        if called and "__main__" in text and name not in ALONE | STARTED:
            ends = "    sys.exit(run_command(" in text or "    sagemaker_job.run(main" in text
            assert ends, name


def test_a_step_of_a_training_says_that_it_did_not_finish() -> None:
    """Whoever waits for it must not take what it left for a result."""
    program = "from training import sagemaker_job as job\ndef main():\n    {}\njob.run(main{})"
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert _python(program.format(MANY, ""), writer) == (141, "")
        assert _python(program.format("print('one line')", ""), writer) == (141, "")
        assert _python(program.format(MANY, ", without_reader=0"), writer) == (0, "")
    finally:
        os.close(writer)
    status, said = _python(program.format("raise BrokenPipeError(32, 'Broken pipe')", ""))
    assert (status, said) == (1, "error: a pipe: Broken pipe\n")


def test_a_local_training_ends_quietly_with_its_reader(tmp_path: Path) -> None:
    for name in ("glass", "paper"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    given = ("--dataset", str(tmp_path / "photos"), "--out", str(tmp_path / "out"))
    command = [sys.executable, "-m", "training.local", *given]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_pipe_that_closes_is_not_taken_for_the_reader() -> None:
    """Such as one to a process that has ended: the command has failed."""
    status, said = ended("raise BrokenPipeError(32, 'Broken pipe')")
    assert status == 1
    assert "BrokenPipeError" in said


def test_what_is_longer_than_a_pipe_holds_ends_quietly_too() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert ended("print('x' * 10_000_000)", writer) == (0, "")
        assert ended(f"{CONSOLE}.print('a table')", writer) == (0, "")
    finally:
        os.close(writer)
