# SPDX-License-Identifier: Apache-2.0
"""Compares training recipes over several splits of a dataset, on a GPU or a processor.

``python -m benchmarks.recipes --dataset FOLDER --weights FOLDER --try epochs=24 --try epochs=40``
trains every recipe on every split with the code of the product and prints, for whole photos and for
each size of the item, the accuracy and the difference from the first recipe with its standard
error. One split of 250 photos cannot tell two good recipes apart: two points are chance.

A recipe is a list of ``name=value``, separated by commas: hyperparameters, and from the network's
recipe ``smallest_crop``, ``head_rate`` and ``frozen`` (one number a stage, with ``/`` between).
The network is measured as it was trained, before int8.
"""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from contracts.command_line import run_command
from contracts.cut import CutRule
from training.data import BACKGROUNDS, load, read_dataset
from training.evaluation.by_size import by_size
from training.hyperparameters import Hyperparameters
from training.learning import fit
from training.networks import presets
from training.networks.weights import find

_OF_RECIPE = ("smallest_crop", "head_rate")
_FROZEN = "frozen"


def settings_of(text: str, *, weights: str, seed: int) -> Hyperparameters:
    """The settings of a recipe; what is no hyperparameter changes the network's own recipe."""
    given = dict(pair.split("=", 1) for pair in text.split(",") if pair)
    network = given.get("network", "mobilenet_v2")
    own = presets.PRETRAINED[network]
    for name in _OF_RECIPE:
        if name in given:
            own = replace(own, **{name: float(given.pop(name))})
    if _FROZEN in given:
        blocks = [int(count) for count in given.pop(_FROZEN).split("/")]
        stages = [replace(one, frozen=n) for one, n in zip(own.stages, blocks, strict=True)]
        own = replace(own, stages=tuple(stages))
    changed: Any = presets
    changed.PRETRAINED = {**presets.PRETRAINED, network: own}
    return Hyperparameters.parse({"seed": str(seed), **given, "weights": weights})


def measure(prepared: Path, settings: Hyperparameters) -> dict[str, float]:
    """Train, and answer the test photos: accuracy of whole photos ("1") and by the item's size."""
    names = read_dataset(prepared)["classes"]
    with TemporaryDirectory() as scratch:
        fitted = fit.fit(
            lambda split, size: load(prepared, split, names, size=size, loosely=split == "train"),
            settings,
            classes=len(names),
            weights=find(settings.weights, scratch=Path(scratch)),
            backgrounds=sorted((prepared / BACKGROUNDS).glob("*.*")),
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = fitted.network.to(device)

    def answer(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            parts = torch.from_numpy(pixels).permute(0, 3, 1, 2).split(64)
            scores = [network(part.to(device).float()).softmax(dim=1).cpu() for part in parts]
        return torch.cat(scores).numpy()

    size = settings.image_size
    test = load(prepared, "test", names, size=size)
    right = answer(test.pixels).argmax(axis=1) == test.labels
    with contextlib.redirect_stdout(io.StringIO()):
        found = by_size(
            prepared,
            test.files,
            test.labels,
            names=names,
            size=size,
            rule=CutRule(),
            answer=answer,
            policy=None,
        )
    return {"1": float(np.mean(right)), **{f"{at:g}": found.at(at) for at in found.sizes}}


def _one(prepared: Path, recipe: str, *, weights: Path, split: int, threads: int) -> dict[str, Any]:
    """The figures of one training, which has a process to itself."""
    command = [sys.executable, "-m", "benchmarks.recipes", "--weights", str(weights)]
    command += ["--prepared", str(prepared), "--seed", str(split), "--try", recipe]
    started = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"recipe {recipe!r}, split {split}: {done.stderr[-2000:]}")
    row = {"recipe": recipe, "split": split, **json.loads(done.stdout.splitlines()[-1])}
    print(f"{json.dumps(row)} seconds={time.monotonic() - started:.0f}", flush=True)
    return row


def _prepare(dataset: Path, folder: Path, split: int) -> Path:
    prepared = folder / f"split-{split}"
    command = [sys.executable, "-m", "training.prepare", "--dataset", str(dataset)]
    command += ["--output", str(prepared), "--name", "recipes", f"--seed={split}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return prepared


def table(rows: list[dict[str, Any]], recipes: list[str]) -> str:
    """Markdown: the mean of each recipe, and its difference from the first in points."""
    sizes = [name for name in rows[0] if name not in ("recipe", "split")]
    of = {(row["recipe"], row["split"]): row for row in rows}
    lines = [
        "| recipe | splits | " + " | ".join(f"item on {float(one):.0%}" for one in sizes) + " |",
        "|" + "---|" * (len(sizes) + 2),
    ]
    for recipe in recipes:
        splits = [s for (name, s) in of if name == recipe and (recipes[0], s) in of]
        cells = []
        for size in sizes:
            own = np.array([of[recipe, split][size] for split in splits])
            apart = 100 * (own - np.array([of[recipes[0], split][size] for split in splits]))
            error = np.std(apart, ddof=1) / np.sqrt(len(splits)) if len(splits) > 1 else np.nan
            more = "" if recipe == recipes[0] else f" ({apart.mean():+.1f} ± {error:.1f})"
            cells.append(f"{own.mean():.3f}{more}")
        lines.append(f"| {recipe or 'default'} | {len(splits)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dataset", type=Path, help="class folders")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--try", dest="recipes", action="append", required=True, metavar="RECIPE")
    parser.add_argument("--splits", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--minutes", type=float, default=1e6, help="start none after that long")
    parser.add_argument("--prepared", type=Path, help="train on this, once, and print the figures")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.prepared:
        [recipe] = given.recipes
        settings = settings_of(recipe, weights=str(given.weights), seed=given.seed)
        print(json.dumps(measure(given.prepared, settings)))
        return
    if not given.dataset:
        parser.error("--dataset is missing")
    ends = time.monotonic() + 60 * given.minutes
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as scratch, ThreadPoolExecutor(given.jobs) as pool:
        folders = list(
            pool.map(lambda s: _prepare(given.dataset, Path(scratch), s), range(given.splits))
        )
        threads = max(1, (os.cpu_count() or 1) // given.jobs)
        work = [(split, recipe) for split in range(given.splits) for recipe in given.recipes]

        def run(job: tuple[int, str]) -> None:
            split, recipe = job
            if time.monotonic() < ends:
                options = {"weights": given.weights, "split": split, "threads": threads}
                rows.append(_one(folders[split], recipe, **options))

        list(pool.map(run, work))
    print(table(rows, given.recipes))
    if len(rows) < len(work):
        print(f"{len(work) - len(rows)} of {len(work)} trainings were not started in time")


if __name__ == "__main__":
    sys.exit(run_command(main))
