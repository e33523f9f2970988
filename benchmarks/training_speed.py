# SPDX-License-Identifier: Apache-2.0
"""Photos a second that the training itself gets through, at each precision.

``python -m benchmarks.training_speed --prepared FOLDER --weights FOLDER`` trains with the code of
the product (``training.learning.fit``), a few epochs of each stage of the plan, and counts the
photos learnt from over the time of each stage's last epoch, validation included. ``--prepared`` is
what Prepare left. Run it on the machines to be compared; only ratios say something.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from contracts.command_line import run_command
from training.data import load, read_dataset
from training.hyperparameters import Hyperparameters
from training.learning import device, fit
from training.networks.weights import find

PRECISIONS = ("bf16", "fp16", "fp32")


def measure(prepared: Path, weights: Path, *, precision: str, epochs: int) -> list[str]:
    """A line for each stage: picture size, photos a second, loss."""
    dataset = read_dataset(prepared)
    labels = dataset["classes"]
    photos = sum(dataset["counts"]["train"].values())
    settings = Hyperparameters(weights=str(weights), epochs=epochs, patience=0)
    settled: Any = fit
    chosen = settled.precision
    settled.precision = lambda _wanted: precision
    try:
        with TemporaryDirectory() as scratch:
            started = time.monotonic()
            fitted = fit.fit(
                lambda split, size: load(prepared, split, labels, size=size),
                settings,
                classes=len(labels),
                weights=find(settings.weights, scratch=Path(scratch)),
            )
    finally:
        settled.precision = chosen
    seconds = time.monotonic() - started
    last = {epoch.stage: epoch for epoch in fitted.epochs}
    lines = [
        f"{precision} size={epoch.size} photos_per_second={photos / epoch.seconds:.1f} "
        f"validation_accuracy={epoch.validation_accuracy:.4f}"
        for epoch in last.values()
    ]
    return [*lines, f"{precision} whole run: {seconds:.1f} s for {epochs} epochs of {photos}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS)
    given = parser.parse_args()
    found = device.check_gpus()
    lines = [f"on {found}, torch {torch.__version__}, {torch.get_num_threads()} threads"]
    for precision in given.precisions or [device.precision("auto")]:
        lines += measure(given.prepared, given.weights, precision=precision, epochs=given.epochs)
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(run_command(main))
