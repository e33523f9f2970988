# SPDX-License-Identifier: Apache-2.0
"""Processor time of a frame at a camera's pace, against the original's procedure.

Each measurement is a process of its own that is shown the same clip at 15 frames a second:
``python -m benchmarks.camera_cpu camera|original|averaging CLIP MODEL SECONDS`` prints one JSON
object. "original" resizes as cheaply as possible, "averaging" with Pillow's bilinear filter;
OpenCV's resize, which the original had, lies between.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image

from benchmarks.camera_rig import Recorder
from benchmarks.camera_setting import model_from, settings_in
from benchmarks.camera_speed import original_step
from benchmarks.camera_stream import Script
from camera.program import Program
from camera.sources.mjpeg import MjpegFileSource
from camera.vision.jpeg import encode

FPS = 15
WARM_UP_SECONDS = 6
VISIT, PAUSE = 30, 30
"""Frames that an item is in view, and that nothing is."""


@dataclass(frozen=True)
class Cost:
    """Milliseconds of processor time of a frame; ``decoding`` are those in the JPEG decoder."""

    frames: int
    total: float
    decoding: float


def measured(kind: str, clip: Path, archive: Path, seconds: float) -> Cost:
    """What a frame of the clip costs ``kind`` in a process of its own."""
    command = [sys.executable, "-m", __name__, kind, str(clip), str(archive), str(seconds)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def write_clips(folder: Path, width: int, height: int) -> tuple[Path, Path]:
    """Two clips of one camera: nothing but the empty view; an item that comes, lies and leaves.

    Every frame has noise of its own, so none is the same as another.
    """
    script = Script(items=40, gap=(PAUSE, PAUSE + 1), pauses=False)
    shown = list(islice(script.frames(), 2000))
    nothing = [each.rgb for each in shown[:40]]
    number = next(n for n, kind in enumerate(script.kinds) if kind == "plain")
    visit = [each.rgb for each in shown if each.item == number]
    lying = visit[3:]
    item = visit[:3] + [lying[n % len(lying)] for n in range(VISIT - 3)]
    return (
        _write(folder / f"empty-{height}.mjpeg", nothing, width, height),
        _write(folder / f"item-{height}.mjpeg", nothing[:PAUSE] + item, width, height),
    )


def of_a_visit(both: Cost, nothing: Cost) -> Cost:
    """What a frame with an item in view costs, from a clip of visits and pauses and one of none."""
    share = PAUSE / VISIT
    return Cost(
        frames=both.frames * VISIT // (VISIT + PAUSE),
        total=both.total * (1 + share) - nothing.total * share,
        decoding=both.decoding * (1 + share) - nothing.decoding * share,
    )


def _write(path: Path, frames: list[Any], width: int, height: int) -> Path:
    path.write_bytes(
        b"".join(
            encode(np.asarray(Image.fromarray(rgb).resize((width, height))), subsampling="422")
            for rgb in frames
        )
    )
    return path


class _Decoding:
    """Seconds of processor time that this process has spent in the JPEG decoder."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()
        for name in ("decode_jpeg", "decode_jpeg_header"):
            setattr(simplejpeg, name, self._counted(getattr(simplejpeg, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            began = time.thread_time()
            try:
                return call(*arguments, **options)
            finally:
                with self._lock:
                    self.seconds += time.thread_time() - began

        return counted


def _camera(clip: Path, archive: Path, seconds: float) -> dict[str, float]:
    decoding = _Decoding()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = settings_in(folder, source=f"file:{clip}?fps={FPS}&loop=1", page=None)
        program = Program(settings, publisher=Recorder())
        program.loop.swap(model_from(archive, folder))
        thread = threading.Thread(target=program.run, daemon=True)
        thread.start()
        time.sleep(WARM_UP_SECONDS)
        before = program.live().frames, time.process_time(), decoding.seconds
        time.sleep(seconds)
        after = program.live().frames, time.process_time(), decoding.seconds
        program.stop.set()
        thread.join(timeout=10)
    return _cost(before, after)


def _original(
    clip: Path,
    archive: Path,
    seconds: float,
    resampling: Image.Resampling = Image.Resampling.NEAREST,
) -> dict[str, float]:
    decoding = _Decoding()
    with tempfile.TemporaryDirectory() as scratch:
        model = model_from(archive, Path(scratch))
        source = MjpegFileSource(path=clip, fps=FPS, loop=True)
        stop = threading.Event()
        with original_step(model, resampling=resampling) as step:
            frames = source.frames(stop)
            for jpeg in islice(frames, FPS):
                step(jpeg)
            before = 0, time.process_time(), decoding.seconds
            count = 0
            began = time.monotonic()
            while time.monotonic() - began < seconds:
                step(next(frames))
                count += 1
            after = count, time.process_time(), decoding.seconds
    return _cost(before, after)


def _averaging(clip: Path, archive: Path, seconds: float) -> dict[str, float]:
    return _original(clip, archive, seconds, Image.Resampling.BILINEAR)


def _cost(before: tuple[int, float, float], after: tuple[int, float, float]) -> dict[str, float]:
    frames, total, decoding = (late - early for late, early in zip(after, before, strict=True))
    return {
        "frames": frames,
        "total": 1000 * total / frames,
        "decoding": 1000 * decoding / frames,
    }


if __name__ == "__main__":
    which, path, model_path, length = sys.argv[1:]
    measure = {"camera": _camera, "original": _original, "averaging": _averaging}[which]
    print(json.dumps(measure(Path(path), Path(model_path), float(length))))
