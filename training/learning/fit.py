# SPDX-License-Identifier: Apache-2.0
"""Trains a network: runs the stages of the plan one after the other."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import TrainingArguments

from training import sagemaker_job
from training.data import Part
from training.hyperparameters import Hyperparameters
from training.learning.batches import Batches, Shown, Varying
from training.learning.checkpoints import Checkpoint, Checkpoints
from training.learning.device import check_gpus, precision
from training.learning.progress import Epoch, Progress
from training.learning.trainer import Stage, StageTrainer
from training.networks import build
from training.networks.base import Network
from training.networks.presets import Plan
from training.networks.recalibrate_batchnorm import recalibrate
from training.networks.weights import FoundWeights

_WARM_UP = 0.05
_CLIP = 5.0
_RECALIBRATION_PHOTOS = 256

Load = Callable[[str, int], Part]
"""Returns the photos of a split at a size."""


@dataclass(frozen=True)
class Fitted:
    """The network with the selected weights, in evaluation mode on the CPU, and its history."""

    network: Network
    epochs: tuple[Epoch, ...]
    epoch: int
    validation_accuracy: float


def fit(
    load: Load,
    settings: Hyperparameters,
    *,
    classes: int,
    weights: FoundWeights | None = None,
    backgrounds: Sequence[Path] = (),
    checkpoints: Checkpoints | None = None,
) -> Fitted:
    """Train. ``backgrounds``: empty views of the cameras, on which items are placed.

    The same photos, settings and machine give the same weights, interrupted or not.

    SIGTERM leaves a checkpoint and raises ``sagemaker_job.Terminated``.
    """
    _deterministic()
    print(f"train: on {check_gpus()}, {precision(settings.mixed_precision)}", flush=True)
    found = checkpoints.latest() if checkpoints else None
    progress = Progress.from_json(dict(found.progress)) if found else Progress()
    carried: dict[str, Tensor] | None = None
    with (
        sagemaker_job.termination_deferred(),
        tempfile.TemporaryDirectory(prefix="binsight-") as scratch,
    ):
        if checkpoints and int(os.environ.get("RANK", "0")) == 0:
            checkpoints.clear_scratch()
        folder = checkpoints.scratch if checkpoints else Path(scratch)
        for plan in settings.plan:
            if found and plan.number < found.stage:
                continue
            # The head's random weights must not depend on what ran before.
            torch.manual_seed(settings.seed)
            network = build(settings.network, classes, weights=weights)
            here = found if found and found.stage == plan.number else None
            train = load("train", plan.size * 5 // 4)
            if here is None:
                progress.start_stage()
                if carried is not None:
                    network.load_state_dict(carried)
                elif weights is not None:
                    recalibrate(network, _some(train, settings.seed))
            arguments = _arguments(plan, settings, folder=folder, saves=checkpoints is not None)
            stage = Stage(
                plan=plan,
                settings=settings,
                batches=_batches(train, _varying(plan, settings, classes), arguments, backgrounds),
                validation=Shown(load("validation", plan.size)),
                class_weights=_class_weights(train, settings.class_weights, classes),
            )
            trainer = StageTrainer(
                network, arguments, stage, progress=progress, checkpoints=checkpoints
            )
            _run(trainer, here)
            # The rate falls to zero at a stage's end, so the next stage starts from the last
            # weights. Only the final model is selected by the validation photos.
            last = plan.number == settings.plan[-1].number
            values = trainer.kept if last else trainer.averaged
            carried = {name: value.cpu().clone() for name, value in values.items()}
    if carried is None:
        raise RuntimeError("no stage was run")
    final = build(settings.network, classes, weights=weights)
    final.load_state_dict(carried)
    kept = progress.kept
    return Fitted(final.eval(), tuple(progress.epochs), kept.epoch, kept.validation_accuracy)


def _run(trainer: StageTrainer, found: Checkpoint | None) -> None:
    if found:
        trainer.resume(found)
    else:
        trainer.train()
    if trainer.stopped:
        # Ends the block that deferred it, which then raises.
        raise sagemaker_job.Terminated


def _varying(plan: Plan, settings: Hyperparameters, classes: int) -> Varying:
    return Varying(
        seed=settings.seed,
        stage=plan.number,
        size=plan.size,
        batch_size=settings.batch_size,
        classes=classes,
        smallest_crop=settings.recipe.smallest_crop,
        mixup=settings.mixup,
        cutmix=settings.cutmix,
        placed=settings.placed,
    )


def _batches(
    train: Part, varying: Varying, arguments: TrainingArguments, backgrounds: Sequence[Path]
) -> Batches:
    """This process's batches. Raises StepError if the processes cannot share a batch evenly."""
    processes = arguments.world_size
    if varying.batch_size % processes or varying.batch_size < 2 * processes:
        raise sagemaker_job.StepError(
            f"hyperparameter batch-size = {varying.batch_size} over {processes} processes; "
            f"allowed: a multiple of {processes} from {2 * processes}"
        )
    return Batches(
        train,
        varying,
        device=str(arguments.device),
        backgrounds=backgrounds,
        process=arguments.process_index,
        processes=processes,
    )


def _arguments(
    plan: Plan, settings: Hyperparameters, *, folder: Path, saves: bool
) -> TrainingArguments:
    cuda = torch.cuda.is_available()
    chosen = precision(settings.mixed_precision)
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=plan.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=plan.learning_rate,
        weight_decay=settings.weight_decay,
        lr_scheduler_type="cosine",
        warmup_steps=_WARM_UP,
        max_grad_norm=_CLIP,
        seed=settings.seed,
        bf16=chosen == "bf16",
        fp16=chosen == "fp16",
        use_cpu=not cuda,
        eval_strategy="epoch",
        save_strategy="epoch" if saves else "no",
        logging_strategy="no",
        log_level="error",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=cuda,
        ddp_find_unused_parameters=False,
    )


def _deterministic() -> None:
    # cuBLAS is deterministic only with this.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # It would fill every new tensor, for code that reads uninitialised memory; ours does not.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _some(part: Part, seed: int) -> Tensor:
    chosen = np.random.default_rng(seed).permutation(len(part.labels))[:_RECALIBRATION_PHOTOS]
    return torch.from_numpy(part.pixels[np.sort(chosen)])


def _class_weights(part: Part, exponent: float, classes: int) -> Tensor:
    """Rarer classes count more; the mean over the photos is 1, so the learning rate still fits."""
    counts = np.bincount(part.labels, minlength=classes).clip(min=1)
    weights = (counts.mean() / counts) ** exponent
    return torch.tensor(weights * counts.sum() / (weights * counts).sum(), dtype=torch.float32)
