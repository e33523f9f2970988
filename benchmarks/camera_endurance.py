# SPDX-License-Identifier: Apache-2.0
"""Long runs: damaged frames, and very many frames."""

import contextlib
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.camera_setting import model_from, settings_in
from camera.program import Program
from camera.vision.frame_buffer import Frame
from tests.camera import tiny


class _Counting:
    def __init__(self) -> None:
        self.messages = 0

    def publish(self, topic: str, payload: bytes) -> None:
        self.messages += 1


def resident_mb() -> float:
    """Memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def damaged(good: list[bytes], *, count: int, seed: int = 1) -> Iterator[bytes]:
    """Frames that are cut, flipped, spliced, empty, of absurd size or of another kind."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        frame = bytearray(good[int(random.integers(len(good)))])
        kind = int(random.integers(8))
        if kind == 0:
            frame = frame[: int(random.integers(len(frame)))]
        elif kind == 1:
            for _ in range(int(random.integers(1, 40))):
                frame[int(random.integers(len(frame)))] ^= 1 << int(random.integers(8))
        elif kind == 2:
            start, end = sorted(random.integers(0, len(frame), 2))
            del frame[start:end]
        elif kind == 3:
            frame = bytearray(random.bytes(int(random.integers(0, 5000))))
        elif kind == 4:
            # Another size in the header than in the data, up to 65535 x 65535.
            at = frame.find(b"\xff\xc0") + 5
            frame[at : at + 4] = random.bytes(4)
        elif kind == 5:
            frame = bytearray(b"\x89PNG\r\n\x1a\n" + random.bytes(2000))
        elif kind == 6:
            other = good[int(random.integers(len(good)))]
            cut = int(random.integers(len(frame)))
            frame = frame[:cut] + other[int(random.integers(len(other))) :]
        else:
            # Markers where none belong.
            at = int(random.integers(len(frame)))
            frame[at:at] = bytes([0xFF, int(random.integers(0xC0, 0xFF))]) * 3
        yield bytes(frame)


def fuzz(count: int) -> dict[str, float]:
    """Damaged frames with a good item after every 500; each of those must be seen."""
    good = [tiny.photo(label, width=640, height=360, seed=n) for n, label in enumerate(tiny.LABELS)]
    seen = expected = 0
    with _camera() as (program, _):
        look(program, [tiny.empty(width=640, height=360)] * 3)
        start, largest, began = 0.0, 0.0, time.monotonic()
        for number, frame in enumerate(damaged(good, count=count)):
            with _quiet():
                look(program, [frame])
            if number == count // 10:
                start = resident_mb()
            largest = max(largest, resident_mb()) if number % 50 == 0 else largest
            _tell(number + 1, count, began, enough=5000)
            if number % 500 == 499:
                look(program, [tiny.empty(width=640, height=360)] * 5)
                before = program.live().detections
                look(program, [good[number % 3]] * 6 + [tiny.empty(width=640, height=360)] * 4)
                seen += program.live().detections - before
                expected += 1
        bad = program.live().bad_frames
    return {
        "frames": count,
        "bad": bad,
        "items_seen": seen,
        "items_shown": expected,
        "grown_mb": round(resident_mb() - start, 1),
        "largest_mb": round(largest, 1),
    }


def soak(count: int) -> dict[str, float]:
    """Very many frames as fast as they are taken, an item in every 20."""
    empty = tiny.empty(width=160, height=96)
    items = [tiny.photo(label, width=160, height=96) for label in tiny.LABELS]
    frames = [empty] * 14
    marks: list[tuple[float, int]] = []
    began = time.monotonic()
    with _camera() as (program, publisher):
        rounds = count // 20
        for number in range(rounds):
            look(program, frames + [items[number % 3]] * 6)
            _tell(20 * (number + 1), 20 * rounds, began, enough=100_000)
            if number in {rounds // 10, rounds - 1}:
                marks.append((resident_mb(), descriptors()))
        detections = program.live().detections
        program.outbox.drain(timeout=60)
    return {
        "frames": rounds * 20,
        "items_shown": rounds,
        "items_seen": detections,
        "grown_mb": round(marks[-1][0] - marks[0][0], 1),
        "descriptors_more": marks[-1][1] - marks[0][1],
        "resident_mb": round(marks[-1][0], 1),
        "frames_per_second": round(rounds * 20 / (time.monotonic() - began)),
        "messages": publisher.messages,
    }


def _tell(done: int, count: int, began: float, *, enough: int) -> None:
    """Progress of a run that is worth it, ten times."""
    if count >= enough and done % (count // 10) < 20 and done % 20 == 0:
        rate = done / (time.monotonic() - began)
        print(
            f"  {done:,} of {count:,} frames, {rate:.0f} a second, {resident_mb():.0f} MB",
            flush=True,
        )


def look(program: Program, frames: list[bytes]) -> None:
    """Show frames, one after another, in this thread."""
    for jpeg in frames:
        program.loop.process(Frame(jpeg=jpeg, captured_at=time.monotonic()))


@contextlib.contextmanager
def _camera() -> Iterator[tuple[Program, _Counting]]:
    publisher = _Counting()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        archive, _ = tiny.write_model(folder / "tiny")
        program = Program(settings_in(folder, outbox_size=100), publisher=publisher)
        program.loop.swap(model_from(archive, folder))
        threads = [
            threading.Thread(target=part, args=(program.stop,), daemon=True)
            for part in (program.outbox.run_disk, program.outbox.run)
        ]
        for thread in threads:
            thread.start()
        try:
            yield program, publisher
        finally:
            program.stop.set()
            for thread in threads:
                thread.join(timeout=30)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """libjpeg writes its warnings to the terminal, a hundred thousand of them here."""
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
