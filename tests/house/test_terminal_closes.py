# SPDX-License-Identifier: Apache-2.0
"""A terminal that is closed sends SIGHUP: programs end as by Ctrl-C, unless nohup started them."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CAMERA = """
import sys, time
from camera.signals import EndSignals
told = EndSignals()
print("ready", flush=True)
while not told:
    time.sleep(0.01)
print("cleaned up", flush=True)
"""
REHEARSAL = """
import time
from rehearsal.interruption import interrupted_once
interrupted_once()
try:
    print("ready", flush=True)
    time.sleep(120)
except KeyboardInterrupt:
    time.sleep(0.1)
    print("cleaned up", flush=True)
"""


@pytest.mark.parametrize("program", [CAMERA, REHEARSAL], ids=["camera", "rehearsal"])
@pytest.mark.parametrize("nohup", [False, True])
def test_a_closed_terminal_ends_it_and_nohup_does_not(program: str, nohup: bool) -> None:
    first = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_{'IGN' if nohup else 'DFL'})"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{first}\n{program}"],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'lambda/inference'}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGHUP)
        if nohup:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.5)
            process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "cleaned up\n"
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
