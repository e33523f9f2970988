# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C twice, or a signal to the group and one more from the parent: the program ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.camera.test_component import GOOD, ROOT

SLOW_BOARD = """
# An event is set slowly, as on a busy board: a second signal surely comes in the middle of it.
import threading, time
quick = threading.Condition.notify_all
def notify_all(self):
    if threading.get_ident() == threading.main_thread().ident:
        time.sleep(0.5)
    quick(self)
threading.Condition.notify_all = notify_all
"""
COMPONENT = ROOT / "lambda/inference/camera_component.py"


def begin(what, tmp_path):
    """``python -m camera`` or the generic component, on an empty folder that it watches."""
    source, models = f"dir:{tmp_path}?follow=1", str(tmp_path / "models")
    (tmp_path / "sitecustomize.py").write_text(SLOW_BOARD)
    command, settings = (
        [str(COMPONENT)],
        {
            **GOOD,
            "BINSIGHT_SOURCE": source,
            "BINSIGHT_MODEL_FOLDER": models,
            "BINSIGHT_PUBLISHER": "print",
        },
    )
    if what != "component":
        command = ["-m", "camera", "--source", source, "--folder", models]
        command += ["--page", "127.0.0.1:0", "--stay"] if what == "laptop with a page" else []
        settings = {}
    path = f"{tmp_path}:{ROOT / 'lambda/inference'}:{ROOT}"
    return subprocess.Popen(
        [sys.executable, "-u", *command],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("what", ["laptop", "laptop with a page", "component"])
def test_signals_close_together_end_it(what, tmp_path):
    process = begin(what, tmp_path)
    try:
        if not any("/telemetry " in line for line in process.stdout):
            pytest.fail("it ended before it ran")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
            time.sleep(0.2)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.stdout.close()
