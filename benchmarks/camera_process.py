# SPDX-License-Identifier: Apache-2.0
"""The camera program as a process of its own: what it weighs, and what it costs when idle."""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.camera_viewers import viewers

ROOT = Path(__file__).resolve().parents[1]


def resident_mb(archive: Path, frames: list[bytes]) -> float:
    """Megabytes after some seconds of items at 15 frames a second, with one viewer."""
    item = [frames[0]] * 8 + [frames[8]] * 8
    with _process(archive, item) as url, viewers(url, 1):
        time.sleep(8)
        return _metric(url, "process_resident_memory_bytes") / 2**20


def idle_share(archive: Path, empty: list[bytes]) -> float:
    """Share of one core with nothing in view at 15 frames a second; the median of five."""
    with _process(archive, empty) as url:
        time.sleep(4)
        shares = []
        for _ in range(5):
            began, before = time.monotonic(), _metric(url, "process_cpu_seconds_total")
            time.sleep(2)
            used = _metric(url, "process_cpu_seconds_total") - before
            shares.append(used / (time.monotonic() - began))
        return sorted(shares)[2]


@contextmanager
def _process(archive: Path, frames: list[bytes]) -> Iterator[str]:
    """``python -m camera`` with these frames again and again; its page's address."""
    with tempfile.TemporaryDirectory() as scratch:
        clip = Path(scratch) / "clip.mjpeg"
        clip.write_bytes(b"".join(frames))
        command = [sys.executable, "-m", "camera", "--source", f"file:{clip}?fps=15&loop=1"]
        command += ["--model", str(archive), "--page", "127.0.0.1:0"]
        path = os.pathsep.join([str(ROOT / "lambda/inference"), str(ROOT)])
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            lines = iter(process.stderr.readline, "") if process.stderr else iter(())
            found = next((m for m in map(_page, lines) if m), None)
            if found is None:
                raise RuntimeError("the camera program served no page")
            yield found
        finally:
            process.terminate()
            process.wait(timeout=20)
            if process.stderr:
                process.stderr.close()


def _page(line: str) -> str | None:
    found = re.match(r"page: (\S+)", line)
    return found[1] if found else None


def _metric(url: str, name: str) -> float:
    with urllib.request.urlopen(f"{url}metrics", timeout=10) as answer:  # noqa: S310 - its own page
        text = answer.read().decode()
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
