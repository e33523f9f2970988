# SPDX-License-Identifier: Apache-2.0
"""Train: learn from prepared photos and leave the members of a model archive.

Reads what prepare wrote; writes ``model.onnx`` (int8), ``golden/`` and, last, ``model.json``.
SageMaker packs that folder into model.tar.gz. Hyperparameters come from the command line, else from
the job's hyperparameters.json, else from the network's recipe. The channel ``weights``, where there
is one, wins over the hyperparameter.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from contracts.model_archive import ModelCard
from training import sagemaker_job
from training.data import BACKGROUNDS, load, read_dataset
from training.hyperparameters import Hyperparameters, add_arguments, given_arguments
from training.learning.checkpoints import Checkpoints
from training.learning.history import write_history
from training.networks.presets import PRETRAINED
from training.networks.weights import FoundWeights, find
from training.packaging.provenance import code_digest

_CALIBRATION_PHOTOS = 150


def train(
    prepared: Path,
    folder: Path,
    settings: Hyperparameters,
    *,
    report: Path | None = None,
    checkpoints: Path | None = None,
) -> ModelCard | None:
    """Do the step; return the model's card.

    ``report`` gets the drawn history, ``checkpoints`` the state from which an interrupted run
    continues.
    """
    dataset = read_dataset(prepared)
    # Threads in a busy loop would slow down everything else on the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="binsight-") as scratch:
        weights, settings = _weights(settings, Path(scratch))
        # These imports take seconds; wrong settings or folders are reported before. What they make
        # stays, so that looking for garbage in it, now or later, is in vain.
        gc.disable()
        from training.learning.fit import fit  # noqa: PLC0415
        from training.packaging.model_archive import Origin, clear, package  # noqa: PLC0415

        gc.freeze()
        gc.enable()

        clear(folder)
        labels, counts = dataset["classes"], dataset["counts"]
        print(
            f"train: photos={sum(counts['train'].values())} "
            f"validation={sum(counts['validation'].values())} classes={len(labels)} "
            f"hyperparameters={json.dumps(settings.to_json())}",
            flush=True,
        )
        kept = Checkpoints(checkpoints, _run(dataset, settings)) if checkpoints else None
        fitted = fit(
            lambda split, size: load(prepared, split, labels, size=size, loosely=split == "train"),
            settings,
            classes=len(labels),
            weights=weights,
            backgrounds=sorted((prepared / BACKGROUNDS).glob("*.*")),
            checkpoints=kept,
        )
    if _rank() > 0:
        return None  # of several processes the first one makes the model
    if report:
        write_history(report, fitted.epochs, kept=fitted.epoch, settings=settings)
    size = settings.image_size
    card = package(
        fitted.network,
        folder,
        calibration=load(prepared, "train", labels, size=size, most=_CALIBRATION_PHOTOS),
        validation=load(prepared, "validation", labels, size=size),
        origin=Origin(dataset=dataset, settings=settings, epoch=fitted.epoch, prepared=prepared),
    )
    compared = " ".join(f"{name}={value:.4g}" for name, value in card.metrics["validation"].items())
    print(f"export: {compared}")
    print(f"train: model={card.digests['model'][:12]} seconds={time.monotonic() - started:.1f}")
    if kept:
        kept.forget()
    return card


def _rank() -> int:
    """This process's number among those of the job."""
    return int(os.environ.get("RANK", "0"))


def _weights(
    settings: Hyperparameters, scratch: Path
) -> tuple[FoundWeights | None, Hyperparameters]:
    """The pretrained weights, and the settings with their digest in place of their address."""
    if settings.weights:
        found = find(settings.weights, scratch=scratch)
        return found, replace(settings, weights=found.name)
    advice = "Give the hyperparameter weights or, on SageMaker, the channel weights."
    if settings.network not in PRETRAINED:
        advice = f"Networks that have weights: {', '.join(PRETRAINED)}."
    print(
        f"WARNING: network {settings.network} is trained from scratch: no pretrained weights were "
        f"given. Expect some 30 points of accuracy less than with them. {advice}",
        flush=True,
    )
    return None, settings


def _run(dataset: Mapping[str, Any], settings: Hyperparameters) -> dict[str, Any]:
    """The values that must be the same to continue from a checkpoint."""
    return {
        "hyperparameters": settings.to_json(),
        "dataset": dataset["digest"],
        "code": code_digest(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prepared", type=Path, default=sagemaker_job.channel("prepared"))
    parser.add_argument("--model-dir", type=Path, default=sagemaker_job.model_folder())
    output = sagemaker_job.output_folder()
    parser.add_argument("--report", type=Path, default=output and output / "training")
    parser.add_argument("--checkpoints", type=Path, default=sagemaker_job.checkpoint_folder())
    add_arguments(parser)
    given = parser.parse_args()
    if _rank() > 0:
        # Only one process prints; errors go to stderr.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
    chosen = {**sagemaker_job.hyperparameters(), **given_arguments(given)}
    channel = sagemaker_job.channel("weights")
    if channel.is_dir():
        chosen["weights"] = str(channel)
    settings = Hyperparameters.parse(chosen)
    train(
        given.prepared,
        given.model_dir,
        settings,
        report=given.report,
        checkpoints=given.checkpoints,
    )


if __name__ == "__main__":
    sagemaker_job.run(main)
