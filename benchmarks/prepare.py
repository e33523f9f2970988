# SPDX-License-Identifier: Apache-2.0
"""How long prepare takes: ``python -m benchmarks.prepare [--dataset FOLDER] [--compare 100000]``.

Without ``--dataset`` the real photos beside the project are taken, where this machine has them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.command_line import run_command
from tests.conftest import ROOT, SHARED
from training.dataset import duplicates


@dataclass(frozen=True)
class _Print:
    class_name: str
    pixels: str
    likeness: bytes


def prepare(dataset: Path) -> str:
    """The program's own time for a dataset, and what it said last."""
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "training.prepare", "--dataset", str(dataset)]
        began, before = time.perf_counter(), os.times()
        done = subprocess.run(
            [*command, "--output", output], cwd=ROOT, capture_output=True, text=True, check=True
        )
        seconds, after = time.perf_counter() - began, os.times()
    processor = after.children_user + after.children_system
    processor -= before.children_user + before.children_system
    said = done.stdout.splitlines()[-1]
    return f"prepare: {seconds:.1f} s ({processor:.1f} s of processor)\n{said}"


def compare(count: int) -> str:
    """The search for duplicates alone, over made-up fingerprints with a few alike."""
    rows = np.random.default_rng(0).integers(0, 256, (count, 128), np.uint8)
    rows[1::100] = rows[::100]
    rows[1::100, :3] ^= 255
    prints = [_Print("any", str(index), row.tobytes()) for index, row in enumerate(rows)]
    began, before = time.perf_counter(), time.process_time()
    found = len(duplicates.find(prints).alike)
    seconds, processor = time.perf_counter() - began, time.process_time() - before
    return (
        f"duplicates: {count} photos compared in {seconds:.1f} s ({processor:.1f} s of processor), "
        f"{found} of {len(rows[1::100])} pairs found"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dataset", type=Path, default=SHARED / "trashnet" / "train")
    parser.add_argument("--compare", type=int, default=100_000, help="how many fingerprints")
    given = parser.parse_args()
    if given.dataset.is_dir():
        print(prepare(given.dataset))
    else:
        print(f"prepare: not measured: {given.dataset} is absent")
    print(compare(given.compare))
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
