# SPDX-License-Identifier: Apache-2.0
"""How fast the camera's loop is, against the bare engine and the original's procedure."""

import json
import os
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

from benchmarks.camera_rig import Recorder, camera
from benchmarks.camera_stream import Script
from benchmarks.camera_viewers import viewers
from camera.model.engine import Model
from camera.page.access import Access
from camera.program import Program
from camera.vision.frame_analyzer import FrameAnalyzer
from camera.vision.frame_buffer import Frame
from camera.vision.jpeg import encode
from contracts.model_archive import file_digest

_ALWAYS = 10**9


def pictures(width: int, height: int, count: int = 24) -> list[bytes]:
    """JPEGs of items on a table in a camera's size; the first is empty.

    Colours at half the width, as USB cameras deliver them.
    """
    shown = [each.rgb for each in Script(items=6).frames()]
    chosen = [shown[0], *shown[40 : 40 + count]]
    large = [np.asarray(Image.fromarray(each).resize((width, height))) for each in chosen]
    return [encode(each, subsampling="422") for each in large]


def bare(model: Model, *, seconds: float) -> float:
    """Inferences per second of the engine alone, in one thread."""
    size = (model.card.height, model.card.width, 3)
    picture = np.random.default_rng(0).integers(0, 255, size).astype(np.uint8)
    model.infer(picture)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.infer(picture)
        count += 1
    return count / (time.perf_counter() - began)


def bare_latencies(model: Model, *, count: int, fps: float) -> list[float]:
    """Milliseconds of the engine alone at a camera's pace: slower than without a rest between."""
    picture = np.zeros((model.card.height, model.card.width, 3), np.uint8)
    found = []
    for _ in range(count):
        time.sleep(1 / fps)
        began = time.perf_counter()
        model.infer(picture)
        found.append(1000 * (time.perf_counter() - began))
    return found


def rounds(
    archive: Path, frames: list[bytes], *, seconds: float, count: int
) -> list[dict[str, float]]:
    """Frames per second in turns: the bare engine, the loop with every frame inferred and one or
    ten viewers of the page, and the original's procedure."""
    page = Access.from_settings("127.0.0.1:0")
    found = []
    with camera(archive, smoothing_frames=_ALWAYS, page=page) as (program, _):
        while not program.page_url:
            time.sleep(0.01)
        program.loop.process(Frame(jpeg=frames[0], captured_at=time.monotonic()))
        program.loop._sight._gate.confirmed = True
        model = program.loop.model
        if model is None:
            raise RuntimeError("the camera has no model")
        for _ in range(count):
            found.append(
                {
                    "bare": bare(model, seconds=seconds),
                    "one": _loop_rate(program, frames, seconds=seconds, watching=1),
                    "ten": _loop_rate(program, frames, seconds=seconds, watching=10),
                    "original": original_rate(model, frames, seconds=seconds),
                }
            )
    return found


def _loop_rate(program: Program, frames: list[bytes], *, seconds: float, watching: int) -> float:
    with viewers(program.page_url, watching):
        number = 0
        began, before = time.perf_counter(), program.live().frames
        while time.perf_counter() - began < seconds:
            number += 1
            frame = Frame(frames[1 + number % (len(frames) - 1)], time.monotonic())
            program._show(frame)
            program.slot.put_when_free(frame, stop=program.stop)
            # What the loop remembers grows; a real item is decided after a few frames.
            program.loop._items._seen.clear()
        rate = (program.live().frames - before) / (time.perf_counter() - began)
    while program.loop.busy:
        time.sleep(0.01)
    return rate


def original_rate(model: Model, frames: list[bytes], *, seconds: float) -> float:
    """Frames per second of the original's procedure, as fast as it goes."""
    with original_step(model) as step:
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            step(frames[1 + count % (len(frames) - 1)])
            count += 1
        return count / (time.perf_counter() - began)


@contextmanager
def original_step(
    model: Model, *, resampling: Image.Resampling = Image.Resampling.BILINEAR
) -> Iterator[Callable[[bytes], None]]:
    """What the original does with a frame, everything in turn, for every frame.

    Full decode, squash, inference, a message, an overlay picture of 858 x 480 into a pipe. It
    resized with OpenCV, which is not here: Pillow's ``BILINEAR`` averages and costs more than
    OpenCV's, ``NEAREST`` costs less.
    """
    reader, writer = os.pipe()
    drain = threading.Thread(target=_drain, args=(reader,), daemon=True)
    drain.start()
    publisher = Recorder()

    def step(jpeg: bytes) -> None:
        picture = Image.fromarray(simplejpeg.decode_jpeg(jpeg))
        squashed = picture.resize((model.card.width, model.card.height), resampling)
        answer = model.infer(np.asarray(squashed))
        best = np.argsort(answer)[::-1][:2]
        named = {model.card.labels[each]: float(answer[each]) for each in best}
        publisher.publish("original/detections", json.dumps(named).encode())
        overlay = np.array(picture.resize((858, 480), resampling))
        overlay[10:80, 10:400] = 255
        os.write(writer, encode(overlay, quality=95, subsampling="420"))

    try:
        yield step
    finally:
        os.close(writer)
        drain.join()


def paced(
    archive: Path,
    frames: list[bytes],
    *,
    fps: float,
    during: Callable[[Program], None] | None = None,
    smoothing_frames: int = 5,
) -> tuple[list[float], Recorder, int]:
    """Latencies of inferred frames at a camera's pace, messages, dropped frames."""
    with camera(archive, smoothing_frames=smoothing_frames) as (program, publisher):
        time.sleep(0.5)
        if during is not None:
            threading.Timer(0.4, during, args=(program,)).start()
        began = time.monotonic()
        for number, jpeg in enumerate(frames):
            due = began + number / fps
            time.sleep(max(due - time.monotonic(), 0))
            program.slot.put(Frame(jpeg, time.monotonic()))
        time.sleep(0.5)
        return list(program.status._latencies), publisher, program.slot.dropped


def quantiles(values: list[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(int(0.99 * len(ordered)), len(ordered) - 1)]


def _drain(descriptor: int) -> None:
    with os.fdopen(descriptor, "rb") as stream:
        while stream.read(1 << 16):
            pass


def adopt(program: Program, archive: Path) -> None:
    """Lay a request into the camera's mailbox, as adopt.py does."""
    digest = file_digest(archive)
    incoming = program._settings.model_folder / "incoming"
    incoming.mkdir(exist_ok=True)
    shutil.copy(archive, incoming / f"{digest}.tar.gz")
    request = {"digest": digest, "version": "2", "nonce": "bench"}
    (incoming / f"{digest}.request.json").write_text(json.dumps(request))


def look_costs(model: Model, frames: list[bytes]) -> float:
    """Milliseconds of processor time of a look at a frame with something in view: the mean over
    frames of the quickest of several, which other load does not change."""
    sight = FrameAnalyzer(undecided=lambda: True, first_looks=0)
    sight.look(Frame(frames[0], 0.0), model=model)
    sight._gate.confirmed = True
    found: dict[int, float] = {}
    for _ in range(8):
        for number, jpeg in enumerate(frames[1:]):
            began = time.thread_time()
            view = sight.look(Frame(jpeg, 0.0), model=model)
            took = 1000 * (time.thread_time() - began)
            if view.pixels is not None:
                found[number] = min(took, found.get(number, took))
    return statistics.mean(found.values())


def costs(model: Model, frames: list[bytes]) -> tuple[float, float]:
    """Milliseconds of processor time that looking at a frame and inferring take, each in a thread.

    Where two processors are free, the larger of the two is what a frame takes. Unlike rates these
    mean something on a busy machine, too.
    """
    sight = FrameAnalyzer(undecided=lambda: True, first_looks=0)
    sight.look(Frame(frames[0], 0.0), model=model)
    sight._gate.confirmed = True
    looks, inferences = [], []
    for jpeg in frames[1:] * 2:
        began = time.thread_time()
        view = sight.look(Frame(jpeg, 0.0), model=model)
        looked = time.thread_time()
        if view.pixels is not None:
            model.infer(view.pixels)
            looks.append(looked - began)
            inferences.append(time.thread_time() - looked)
    return 1000 * statistics.median(looks), 1000 * statistics.median(inferences)
