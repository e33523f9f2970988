# SPDX-License-Identifier: Apache-2.0
"""camera_handler as a nucleus loads it: a fresh process that imports the module."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.camera import tiny
from tests.camera.conftest import show
from tests.camera.test_settings import GOOD

ROOT = Path(__file__).parents[2]


def load(code, environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT / "lambda/inference"), str(ROOT)]),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_import_returns_at_once_without_model_camera_or_core(tmp_path):
    code = """
import json, sys, threading, time
began = time.monotonic()
import camera_handler
took = time.monotonic() - began
heavy = sorted({"numpy", "onnxruntime", "awsiot"} & set(sys.modules)) if took > 1 else []
commands = [camera_handler.handler({"command": name}, None) for name in ("dance", "")]
deadline = time.monotonic() + 60
while not camera_handler._camera.program and time.monotonic() < deadline:
    time.sleep(0.02)
for name in ("pause", "resume", "report"):
    commands.append(camera_handler.handler({"command": name}, None))
names = sorted(thread.name for thread in threading.enumerate())
print(json.dumps([took, commands, names]))
"""
    environment = {
        **GOOD,
        "BINSIGHT_MODEL_FOLDER": str(tmp_path / "models"),
        "BINSIGHT_SOURCE": "dir:/no/such/folder",
    }
    done = load(code, environment)
    assert done.returncode == 0, done.stderr
    took, commands, threads = json.loads(done.stdout)
    assert took < 2
    assert [answer["accepted"] for answer in commands] == [False, False, True, True, True]
    assert "still starting" in commands[0]["detail"] or "allowed are" in commands[0]["detail"]
    assert "camera" in threads


@pytest.mark.parametrize(
    ("name", "value"), [("BINSIGHT_BINS", "{}"), ("BINSIGHT_PUBLISHER", "pigeon")]
)
def test_settings_that_cannot_be_right_fail_the_component(name, value):
    done = load("import camera_handler", {**GOOD, name: value})
    assert done.returncode == 1
    assert value in done.stderr.splitlines()[-1]


def test_the_laptop_program_prints_detections(tmp_path, models, lens):
    show(lens, "1.jpg", tiny.photo("paper"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "camera", "--source", f"dir:{lens}?fps=0"),
            *("--model", str(models["good"][0]), "--bins", '{"classes":{"paper":"recycling"}}'),
        ],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT / "lambda/inference"), str(ROOT)]),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    topic, message = next(
        line.split(" ", 1) for line in done.stdout.splitlines() if "/detections " in line
    )
    assert topic == "binsight/laptop/detections"
    assert json.loads(message)["bin"] == "recycling"
