# SPDX-License-Identifier: Apache-2.0
"""Trains on a few coloured squares, in processes that can be killed."""

import gc
import multiprocessing
import os
import pickle
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from training.data import Part
from training.hyperparameters import Hyperparameters
from training.learning.checkpoints import Checkpoints
from training.learning.fit import fit

CLASSES = 3
SETTINGS = Hyperparameters(
    network="compact", epochs=4, image_size=32, batch_size=8, mixup=0.4, cutmix=0.4, seed=5
)
PER_EPOCH = 5


def squares(split: str, size: int) -> Part:
    """Coloured noise: 42 to learn from, 9 to validate with."""
    count = 42 if split == "train" else 9
    labels = np.arange(count, dtype=np.int64) % CLASSES
    rng = np.random.default_rng(size + count)
    pixels = rng.integers(0, 120, (count, size, size, 3), dtype=np.uint8)
    pixels[np.arange(count), :, :, labels] += 110
    return Part(pixels, labels, tuple(f"{split}/{index}.jpg" for index in range(count)))


def learn(folder: Path | None, settings: Hyperparameters = SETTINGS) -> dict[str, Tensor]:
    """The final weights; checkpoints go into the folder."""
    torch.set_num_threads(1)
    kept = Checkpoints(folder, {"settings": settings.to_json()}) if folder else None
    fitted = fit(squares, settings, classes=CLASSES, checkpoints=kept)
    return fitted.network.state_dict()


def in_process(work: Callable[[], object]) -> int:
    """Do some work in a process of its own; return its exit code: -9 if it was killed.

    Forked, so that torch and transformers need not be imported again.
    """
    # Else every collection in either process would look at all that transformers has imported.
    gc.freeze()
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(timeout=120)
    code = process.exitcode
    if code is None:
        process.kill()
        process.join()
        raise AssertionError("the process did not end")
    return code


def signalled_at(step: int, number: signal.Signals, folder: Path) -> Callable[[], object]:
    """Learning that gets a signal after so many steps of the run."""

    def work() -> None:
        done, update = 0, AveragedModel.update_parameters

        def counted(self: AveragedModel, model: torch.nn.Module) -> None:
            nonlocal done
            update(self, model)
            done += 1
            if done == limit:
                os.kill(os.getpid(), number)

        limit = step
        AveragedModel.update_parameters = counted
        learn(folder)

    return work


def killed_while_writing(number: int, folder: Path) -> Callable[[], object]:
    """Learning that is killed when the files of its n-th checkpoint are written, but not named."""

    def work() -> None:
        kept, keep = 0, Checkpoints.keep

        def counted(self: Checkpoints, written: Path, **rest: object) -> None:
            nonlocal kept
            kept += 1
            if kept == number:
                os.kill(os.getpid(), signal.SIGKILL)
            keep(self, written, **rest)

        Checkpoints.keep = counted
        learn(folder)

    return work


def on_a_full_disk(folder: Path, answer: Path) -> Callable[[], object]:
    """Learning where no file may grow over 100 kB; its weights go to ``answer`` after that."""

    def work() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        weights = learn(folder)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        answer.write_bytes(pickle.dumps(weights))

    return work


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
