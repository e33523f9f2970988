# SPDX-License-Identifier: Apache-2.0
"""Prepare, train and evaluate on this machine: ``python -m training.local --dataset D --out O``.

Runs the same programs as SageMaker, one after the other; reuses valid results of earlier runs,
continues an interrupted run, and prints where model and report are.
"""

import argparse
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.bins import BinPolicy, read_policy
from contracts.command_line import ReaderGoneError
from contracts.model_archive import REFERENCE, write_archive
from training import sagemaker_job
from training.dataset.opening import dataset_path, opened
from training.dataset.sources import list_sources
from training.hyperparameters import Hyperparameters, add_arguments, given_arguments
from training.step_cache import Records, digest_of

_ROOT = Path(__file__).resolve().parent.parent
_GRACE_SECONDS = 60
"""The time that a checkpoint may need to be written."""


def run_all(
    dataset: Path,
    out: Path,
    settings: Hyperparameters,
    *,
    approved: Path | None = None,
    bins: BinPolicy | None = None,
) -> Path:
    """Run the three steps into the folder ``out``; return the path of model.tar.gz.

    ``dataset`` is in any of the forms that ``training.dataset.opening`` takes.
    """
    if out.is_relative_to(dataset):
        raise sagemaker_job.StepError(
            f"out = {out}: inside the dataset {dataset}; its photos would be read"
        )
    with opened(dataset) as found, _alone(out):
        for note in found.notes:
            print(f"dataset: {note}", flush=True)
        # Refuse an invalid dataset at once; the rest may take an hour.
        list_sources(found.folder, called=found.called)
        # A zip is unpacked into a folder with a meaningless name.
        return _run_steps(
            found.folder, out, settings, name=dataset.stem, approved=approved, bins=bins
        )


def _run_steps(
    dataset: Path,
    out: Path,
    settings: Hyperparameters,
    *,
    name: str,
    approved: Path | None,
    bins: BinPolicy | None,
) -> Path:
    prepared, trained, archive = out / "prepared", out / "trained", out / "model.tar.gz"
    packed, report = out / "trained.tar.gz", out / "report"
    seed = settings.seed
    in_service = ["--approved", str(approved)] if approved else []
    records = Records(out)

    def prepare() -> None:
        places = ("--dataset", str(dataset), "--output", str(prepared), "--name", name)
        _step("prepare", *places, f"--seed={seed}", *in_service)

    def train() -> None:
        places = ("--prepared", str(prepared), "--model-dir", str(trained))
        more = ("--report", str(out / "training"), "--checkpoints", str(out / "checkpoints"))
        _step("train", *places, *more, *_options(settings))
        # On AWS, SageMaker packs train's results.
        write_archive(trained, packed, extra={REFERENCE})

    def evaluate() -> None:
        archive.unlink(missing_ok=True)
        places = ("--model", str(packed), "--prepared", str(prepared), "--evaluation", str(out))
        more = ["--bins", bins.to_json()] if bins else []
        _step("evaluate", *places, "--output", str(out), *in_service, *more)

    records.do(
        "prepare",
        prepare,
        inputs={
            "dataset": digest_of([dataset]),
            "seed": seed,
            "approved": digest_of([approved] if approved else []),
        },
        results=[prepared],
    )
    photos = digest_of([prepared])
    weights = [Path(settings.weights)] if Path(settings.weights or "-").exists() else []
    records.do(
        "train",
        train,
        inputs={
            "prepared": photos,
            "weights": digest_of(weights),
            "settings": settings.to_json(),
        },
        results=[trained, packed, out / "training"],
    )
    records.do(
        "evaluate",
        evaluate,
        inputs={
            "prepared": photos,
            "model": digest_of([packed]),
            "approved": digest_of([approved] if approved else []),
            "bins": bins.to_json() if bins else "",
        },
        results=[archive, out / "evaluation.json", report],
    )
    return archive


def _options(settings: Hyperparameters) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in settings.to_json().items()]


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Lock the output folder: concurrent runs would read each other's partial results."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise sagemaker_job.StepError(f"out = {out}: another run is using it") from error
        yield


def _step(name: str, *arguments: str) -> None:
    """Run one step in its own process and wait; an interrupted run leaves no process behind."""
    started = time.monotonic()
    # Threads in a busy loop would slow down everything else on the machine.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    if name != "train":
        # As training/entrypoint.sh says.
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")
    command = [sys.executable, "-m", f"training.{name}", *arguments]
    process = subprocess.Popen(command, cwd=_ROOT, env=environment)
    try:
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
    if code == sagemaker_job.READER_GONE:
        raise ReaderGoneError
    if code != 0:
        raise sagemaker_job.StepError(
            f"{name} failed with exit status {code}; its message is above"
        )
    print(f"{name}: done in {time.monotonic() - started:.1f} s", flush=True)


def _chosen(given: argparse.Namespace) -> Hyperparameters:
    """The given settings; without weights, the network that learns best without them."""
    values = given_arguments(given)
    weights = values.get("weights", "")
    if Path(weights or "-").expanduser().exists():
        values["weights"] = str(_path(Path(weights)))
    elif not weights and "network" not in values:
        values["network"] = "compact"
        print(
            "WARNING: no pretrained weights were given (WEIGHTS=folder or owner/name of the hub), "
            "so the small network `compact` learns from scratch. Expect about 20 to 30 points of "
            "accuracy less than a fine-tuned mobilenet_v2.",
            flush=True,
        )
    return Hyperparameters.parse(values)


def _path(given: Path) -> Path:
    """Absolute, because the steps run in the project's folder; ``~`` is the home folder."""
    return given.expanduser().resolve()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--dataset", type=dataset_path, required=True, help="class folders, or see docs"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--approved", type=Path, help="model.tar.gz to compare with")
    parser.add_argument("--bins", help="bin policy: a TOML file with [bins], or JSON")
    add_arguments(parser)
    given = parser.parse_args()
    settings = _chosen(given)
    approved = _path(given.approved) if given.approved else None
    if approved and not approved.is_file():
        raise sagemaker_job.StepError(
            f"approved = {approved}: no such file; allowed: a model.tar.gz"
        )
    try:
        bins = read_policy(given.bins) if given.bins else None
    except ValueError as error:
        raise sagemaker_job.StepError(f"bins: {error}") from error
    started = time.monotonic()
    dataset, out = given.dataset, _path(given.out)
    archive = run_all(dataset, out, settings, approved=approved, bins=bins)
    evaluation = archive.with_name("evaluation.json")
    document = json.loads(evaluation.read_text(encoding="utf-8"))
    accuracy = document["multiclass_classification_metrics"]["accuracy"]["value"]
    print(f"all steps: {time.monotonic() - started:.1f} s, test accuracy {accuracy:.4f}")
    print(f"model: {archive}")
    print(f"evaluation: {evaluation}")
    print(f"report: {(archive.parent / 'report' / 'index.html').as_uri()}")


if __name__ == "__main__":
    sagemaker_job.run(main, without_reader=0)
