# SPDX-License-Identifier: Apache-2.0
"""A rehearsal whose reader has enough (``| head``): it ends in order, says nothing, and is no
fault."""

import os
import subprocess
import sys
import time

from tests.conftest import ROOT


def ended(*command, **options):
    """Exit status and stderr of a program whose stdout nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
            **options,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


def test_the_commands_of_a_rehearsal_end_quietly(tmp_path):
    for command in ("why", "down"):
        assert ended("-m", "rehearsal", "--work", str(tmp_path), command) == (0, "")
    assert ended("-m", "rehearsal.fleet", "--work", str(tmp_path), "--no-models") == (0, "")


def test_a_rehearsal_stops_what_it_started(tmp_path):
    """The first line that it prints is the last."""
    assert ended("-m", "rehearsal", "--work", str(tmp_path), "run") == (0, "")
    report = (tmp_path / "report.json").read_text()
    assert "ReaderGoneError" in report
    assert not (tmp_path / "local-aws").exists()


PROGRAM = """
import threading, time
from rehearsal.console import RehearsalConsole
from rehearsal.interruption import interrupted_once
interrupted_once()
console = RehearsalConsole()
threading.Thread(target=console.print, args=("news of a camera",)).start()
try:
    time.sleep(60)
except KeyboardInterrupt:
    console.print("stopped")
    assert console.reader_gone
"""


def test_a_camera_that_cannot_report_ends_the_rehearsal():
    started = time.monotonic()
    assert ended("-c", PROGRAM) == (0, "")
    assert time.monotonic() - started < 50
