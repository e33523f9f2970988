# SPDX-License-Identifier: Apache-2.0
"""The whole rehearsal as a person runs it, on a tiny set; and how it ends when it cannot go on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from rehearsal.sample_set import draw
from tests.conftest import ROOT


def _command(work, *arguments):
    return [sys.executable, "-m", "rehearsal", "--work", str(work), *arguments]


def _rehearse(work, *arguments, timeout=400):
    return subprocess.run(
        _command(work, "run", *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def _processes_of(work):
    """Processes that still have the work folder on their command line or as current folder."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry.name}/cmdline", "rb") as file:  # noqa: PTH123
                command = file.read().decode(errors="replace")
            folder = os.readlink(f"/proc/{entry.name}/cwd")  # noqa: PTH115
        except OSError:
            continue
        if str(work) in command or folder.startswith(str(work)):
            found.append(f"{entry.name} {command[:100]}")
    return found


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    draw(folder, photos_per_class=12)
    return folder


def test_from_an_empty_account_to_sorted_photos_and_back(tmp_path, dataset, free_port):
    done = _rehearse(tmp_path, "--dataset", str(dataset), "--port", str(free_port))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["environment"] == "dev"
    assert report["redeploy_changes"] == 0
    assert report["error"] is None
    assert {stage["status"] for stage in report["stages"]} == {"done"}
    assert report["model"]["version"].startswith("1.")
    assert len(report["model"]["digest"]) == 64
    assert 0 < report["model"]["metrics"]["accuracy"] <= 1
    assert report["model"]["metrics"]["test_photos"] >= 3
    assert len(report["photos"]) >= 3
    for photo in report["photos"]:
        assert photo["bin"] in {"landfill", "compost", "recycling"}
        assert photo["archived"].startswith("detections/")
        assert photo["latest"] == f"rehearsal-fleet/{photo['sequence']}"
    assert len({photo["sequence"] for photo in report["photos"]}) == len(report["photos"])
    assert any(name.startswith("AWS::SageMaker::Pipeline") for name in report["destroyed"])
    assert not [name for name in report["retained"] if name.startswith("AWS::S3::Bucket")]
    assert _processes_of(tmp_path) == []


def test_a_missing_dataset_is_named_and_nothing_is_started(tmp_path):
    done = _rehearse(tmp_path, "--dataset", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "nowhere: there is no such folder" in done.stdout.replace("\n", "")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "local-aws").exists()


def test_an_unknown_environment_is_named(tmp_path):
    done = _rehearse(tmp_path, "--environment", "moon")
    assert done.returncode == 1
    assert "moon" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_named(tmp_path, dataset):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = _rehearse(tmp_path, "--dataset", str(dataset), "--port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stdout
    assert "Traceback" not in done.stderr
    assert _processes_of(tmp_path) == []


def test_ctrl_c_stops_everything_that_was_started(tmp_path, dataset, free_port):
    process = subprocess.Popen(
        _command(tmp_path, "run", "--dataset", str(dataset), "--port", str(free_port)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        for line in process.stdout:
            if line.startswith("synth"):
                break
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in output
    assert json.loads((tmp_path / "report.json").read_text())["error"] == "interrupted"
    deadline = time.monotonic() + 10
    while _processes_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _processes_of(tmp_path) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", free_port)) != 0
