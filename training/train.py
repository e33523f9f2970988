# SPDX-License-Identifier: Apache-2.0
"""Train: learn from prepared photos and leave the members of a model archive.

Reads what prepare wrote; writes ``model.onnx`` (int8), ``golden/`` and, last, ``model.json``.
SageMaker packs that folder into model.tar.gz. Hyperparameters come from the command line, else from
the job's hyperparameters.json, else from the defaults.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the project importable
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from contracts.model_archive import ModelCard
from training import job
from training.data import load, read_dataset
from training.hyperparameters import Hyperparameters, add_arguments, given_arguments

_CALIBRATION_PHOTOS = 150


def train(prepared: Path, folder: Path, settings: Hyperparameters) -> ModelCard:
    """Do the step; return the model's card."""
    dataset = read_dataset(prepared)
    # Threads that wait in a busy loop take the processor from everything else on the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Imported only now so that wrong settings or folders are told at once: torch takes seconds.
    from training.fit import fit  # noqa: PLC0415
    from training.package import Origin, clear, package  # noqa: PLC0415

    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    clear(folder)
    labels, size = dataset["classes"], settings.image_size
    # More pixels than the model sees, so that a crop need not be enlarged.
    photos = load(prepared, "train", labels, size=size * 5 // 4)
    validation = load(prepared, "validation", labels, size=size)
    print(
        f"train: photos={len(photos.labels)} validation={len(validation.labels)} "
        f"classes={len(labels)} hyperparameters={json.dumps(settings.to_json())}",
        flush=True,
    )
    fitted = fit(photos, validation, settings, classes=len(labels))
    card = package(
        fitted.network,
        folder,
        calibration=load(prepared, "train", labels, size=size, most=_CALIBRATION_PHOTOS),
        validation=validation,
        origin=Origin(dataset=dataset, settings=settings, epoch=fitted.epoch),
    )
    compared = " ".join(f"{name}={value:.4g}" for name, value in card.metrics["validation"].items())
    print(f"export: {compared}")
    print(f"train: model={card.digests['model'][:12]} seconds={time.monotonic() - started:.1f}")
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prepared", type=Path, default=job.channel("prepared"))
    parser.add_argument("--model-dir", type=Path, default=job.model_folder())
    add_arguments(parser)
    given = parser.parse_args()
    settings = Hyperparameters.parse({**job.hyperparameters(), **given_arguments(given)})
    train(given.prepared, given.model_dir, settings)


if __name__ == "__main__":
    job.run(main)
