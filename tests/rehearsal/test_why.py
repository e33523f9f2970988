# SPDX-License-Identifier: Apache-2.0
"""A rehearsal that did not finish is explained by one command."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from rehearsal.__main__ import WHY
from rehearsal.why import LINES, explain
from tests.conftest import ROOT


def leave(work, *, error, **stages):
    """What a rehearsal leaves: its report, and a log of each kind."""
    for name in ("cdk.log", "local-aws/local-aws.log", "cameras/binsight-dev-1/x.Inference.log"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("".join(f"{name} line {n}\n" for n in range(100)))
    for number, step in enumerate(("Prepare", "Train", "Evaluate")):
        log = work / "local-aws" / "jobs" / "binsight-dev-training" / "c33e" / step / "log.txt"
        log.parent.mkdir(parents=True)
        log.write_text(f"{step} says why\n")
        os.utime(log, (1_700_000_000 + number, 1_700_000_000 + number))
    found = [{"name": name.replace("_", " "), "status": status} for name, status in stages.items()]
    (work / "report.json").write_text(json.dumps({"error": error, "stages": found}))


@pytest.mark.parametrize(
    ("stages", "shown", "hidden"),
    [
        ({"synth": "done", "deploy": "failed"}, "cdk.log line 99", "Train says why"),
        ({"deploy": "done", "training": "failed"}, "Evaluate says why", "cdk.log line 99"),
        ({"training": "done", "roll_out": "failed"}, "x.Inference.log line 99", "cdk.log line"),
        ({"local_AWS": "failed"}, "local-aws.log line 99", "cdk.log line"),
    ],
)
def test_the_logs_of_the_stage_that_failed_are_shown(tmp_path, stages, shown, hidden):
    leave(tmp_path, error="no such bucket", **stages)
    text = "\n".join(explain(tmp_path))
    assert "no such bucket" in text
    assert shown in text
    assert hidden not in text
    assert f"line {99 - LINES}\n" not in text


def test_an_interrupted_rehearsal_is_called_interrupted(tmp_path):
    leave(tmp_path, error="interrupted", deploy="interrupted")
    assert next(explain(tmp_path)) == "The last rehearsal was interrupted in stage 'deploy'"


def test_a_finished_one_and_none_at_all_are_told_apart(tmp_path):
    assert "make rehearse" in next(explain(tmp_path))
    leave(tmp_path, error=None, deploy="done", destroy="done")
    assert "finished" in next(explain(tmp_path))


def test_every_stage_has_its_logs():
    code = "".join(path.read_text() for path in (ROOT / "rehearsal").glob("*.py"))
    stages = set(re.findall(r"""\.stage\(\s*["']([\w ]+)["']""", code))
    assert len(stages) > 10
    explained = (ROOT / "rehearsal" / "why.py").read_text()
    # The local AWS's own log is the answer for those that have none of their own.
    assert {name for name in stages if f'"{name}":' not in explained} <= {
        "dataset upload",
        "approval",
        "enrolment kit",
        "fleet",
        "questions",
        "schedules",
    }


def rehearse(work, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "rehearsal", "--work", work, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_an_interrupted_rehearsal_names_the_command_that_shows_why(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "--work", tmp_path, "run", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        # A shell's background jobs ignore SIGINT, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert started.stdout is not None
    assert started.stdout.readline().startswith("dataset:")
    started.send_signal(signal.SIGINT)
    said, _ = started.communicate(timeout=240)
    assert started.returncode == 130
    assert WHY in said
    assert "was interrupted in stage 'dataset'" in rehearse(tmp_path, "why").stdout


def test_a_wrong_argument_names_no_command(tmp_path):
    failed = rehearse(tmp_path, "run", "--dataset", tmp_path / "x")
    assert failed.returncode == 1
    assert WHY not in failed.stdout
