# SPDX-License-Identifier: Apache-2.0
"""Prepare, train and evaluate on this machine: ``python -m training.local --dataset D --out O``.

Runs the very programs that SageMaker runs, one after the other, and says where the model is.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the project importable
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from contracts.model_archive import write_archive
from training import job
from training.hyperparameters import Hyperparameters, add_arguments, given_arguments

_ROOT = Path(__file__).resolve().parent.parent
_GRACE_SECONDS = 10


def run_all(dataset: Path, out: Path, settings: Hyperparameters) -> Path:
    """Run the three steps into the folder ``out``; return the path of model.tar.gz."""
    prepared, trained, archive = out / "prepared", out / "trained", out / "model.tar.gz"
    archive.unlink(missing_ok=True)
    seed = str(settings.seed)
    _step("prepare", "--dataset", str(dataset), "--output", str(prepared), "--seed", seed)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.to_json().items()]
    _step("train", "--prepared", str(prepared), "--model-dir", str(trained), *options)
    # SageMaker packs what train leaves; here we do.
    packed = out / "trained.tar.gz"
    write_archive(trained, packed)
    places = ("--model", str(packed), "--prepared", str(prepared), "--evaluation", str(out))
    _step("evaluate", *places, "--output", str(out))
    packed.unlink()
    return archive


def _step(name: str, *arguments: str) -> None:
    """Run one step in its own process and wait; an interrupted run leaves no process behind."""
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", f"training.{name}", *arguments], cwd=_ROOT)
    try:
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
    if code != 0:
        raise job.StepError(f"{name} failed with exit status {code}; its message is above")
    print(f"{name}: done in {time.monotonic() - started:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dataset", type=Path, required=True, help="folder of class folders")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    add_arguments(parser)
    given = parser.parse_args()
    settings = Hyperparameters.parse(given_arguments(given))
    archive = run_all(given.dataset.resolve(), given.out.resolve(), settings)
    print(f"model: {archive}")
    print(f"evaluation: {archive.with_name('evaluation.json')}")


if __name__ == "__main__":
    job.run(main)
