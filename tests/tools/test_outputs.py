# SPDX-License-Identifier: Apache-2.0
"""Commands whose output goes into a pipe that closes, onto a full disk or into a closed folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# These run before anything is installed, or on a camera.
ALONE = {"tools/install.py", "tools/templates/enrolment/rotate.py"}
# Nobody calls these by hand: a rehearsal starts them, and reads what they print.
STARTED = {
    "rehearsal/execute_notebook.py",
    "rehearsal/fleet/site.py",
    "rehearsal/simulated_core/lambda_runtime.py",
}
MANY = "for n in range(100_000): print(n)"
CONSOLE = "from tools.console import PipedConsole; PipedConsole()"


def ended(body: str, output: int | None = None) -> tuple[int, str]:
    """Exit status and stderr of a command whose ``main`` is ``body``."""
    program = (
        "import sys\nfrom contracts.command_line import run_command\n"
        f"def main():\n    {body}\n    return 3\nsys.exit(run_command(main))\n"
    )
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
    folders = ("tools", "lambda/inference/camera", "rehearsal")
    for program in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        name, text = program.relative_to(ROOT).as_posix(), program.read_text(encoding="utf-8")
        called = re.search(r"^    (sys\.exit|main)\(", text, re.MULTILINE)
        if called and name not in ALONE | STARTED:
            assert "    sys.exit(run_command(" in text, name


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
