# SPDX-License-Identifier: Apache-2.0
"""Datasets of any shape: ``python -m benchmarks.shapes [--many 50000] [--only NAME ...]``.

Draws each one, runs prepare, a training of one epoch (the small network) and evaluate as programs,
and prints for each step its seconds, its peak memory, or what it asked for.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from contracts.command_line import run_command
from tests.conftest import ROOT

Draw = Callable[[Path], None]
_OPTIONS = ("--network=compact", "--epochs=1", "--image-size=64")


def _photo(
    path: Path, *, label: int, size: tuple[int, int] = (256, 192), mode: str = "RGB"
) -> None:
    """A blob of the class's colour on a cloudy ground; every one is another."""
    rng = np.random.default_rng(zlib.crc32("/".join(path.parts[-2:]).encode()))
    coarse = rng.integers(60, 200, (24, 32, 3), np.uint8)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    side = int(min(size) * rng.uniform(0.3, 0.7))
    colour = tuple(int(value) for value in np.random.default_rng(label).integers(0, 256, 3))
    blob = Image.new("RGB", (side, side), colour)
    picture.paste(blob, (int(rng.integers(size[0] - side)), int(rng.integers(size[1] - side))))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.convert(mode).save(path, quality=88)


def _drawn(counts: dict[str, int], **more: object) -> Draw:
    def draw(folder: Path) -> None:
        jobs = [
            (folder / name / f"{index:05d}.jpg", label)
            for label, (name, count) in enumerate(counts.items())
            for index in range(count)
        ]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda job: _photo(job[0], label=job[1], **more), jobs))  # type: ignore[arg-type]

    return draw


def shapes(many: int) -> dict[str, Draw]:
    """The datasets, by name."""
    found = {
        "two classes": _drawn({"glass": 60, "paper": 60}),
        "800 against 12": _drawn({"glass": 800, "paper": 12}),
        "8 photos of one class": _drawn({"glass": 60, "paper": 8}),
        "200 classes": _drawn({f"class {index:03d}": 12 for index in range(200)}),
        "12 megapixels": _drawn({"glass": 24, "paper": 24}, size=(4000, 3000)),
        "grey": _drawn({"glass": 60, "paper": 60}, mode="L"),
    }
    if many:
        each = many // 10
        found[f"{many:,} photos"] = _drawn({f"class {index}": each for index in range(10)})
    return found


def step(name: str, *options: str) -> tuple[bool, str]:
    """Run one step; whether it went well, and its figures or its last words."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", f"training.{name}", *options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        words = said.read().strip().splitlines()
    seconds, megabytes = time.perf_counter() - started, usage.ru_maxrss / 1024
    if process.returncode:
        return False, words[-1] if words else f"exit status {process.returncode}"
    return True, f"{seconds:.1f} s, {usage.ru_utime:.1f} s of processor, {megabytes:.0f} MB"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--many", type=int, default=0, help="photos of a large set; 0: none")
    parser.add_argument("--only", nargs="+", help="names of the shapes to run")
    given = parser.parse_args()
    for name, draw in shapes(given.many).items():
        if given.only and name not in given.only:
            continue
        folder = Path(tempfile.mkdtemp(prefix="binsight-shape-"))
        try:
            # In a process of its own: a step's peak memory would count what this one has held.
            drawing = multiprocessing.get_context("fork").Process(
                target=draw, args=(folder / "set",)
            )
            drawing.start()
            drawing.join()
            prepared, model, out = (str(folder / part) for part in ("prepared", "model", "out"))
            steps = {
                "prepare": ("--dataset", str(folder / "set"), "--output", prepared),
                "train": ("--prepared", prepared, "--model-dir", model, *_OPTIONS),
                "evaluate": (
                    *("--model", f"{folder}/model.tar.gz", "--prepared", prepared),
                    *("--evaluation", out, "--output", out),
                ),
            }
            for number, (program, options) in enumerate(steps.items()):
                if program == "evaluate":
                    shutil.make_archive(f"{folder}/model", "gztar", model)
                well, figures = step(program, *options)
                print(f"{name if not number else '':<24} {program:<9} {figures}", flush=True)
                if not well:
                    break
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
