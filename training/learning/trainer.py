# SPDX-License-Identifier: Apache-2.0
"""transformers' Trainer with our batches, loss, averaged weights and checkpoints.

The loop, the optimiser's schedule, mixed precision, gradient clipping, several processes, saving
and resuming are the Trainer's. Only its documented extension points are used, plus
``_save_checkpoint`` so that a full disk costs a checkpoint and not the training.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from scipy import special  # type: ignore[import-untyped]
from torch import Tensor, distributed
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from transformers import EvalPrediction, PrinterCallback, Trainer, TrainingArguments

from training.hyperparameters import Hyperparameters
from training.learning.batches import Batches, EpochOrder, Shown
from training.learning.callbacks import StageCallback
from training.learning.checkpoints import Checkpoint, Checkpoints
from training.learning.progress import Epoch, Progress
from training.networks.base import Network
from training.networks.presets import Plan
from training.sagemaker_job import StepError

_AVERAGE, _KEPT = "average.safetensors", "kept.safetensors"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The data and settings of a stage.

    ``class_weights`` [classes] weigh the loss of each class.
    """

    plan: Plan
    settings: Hyperparameters
    batches: Batches
    validation: Shown
    class_weights: Tensor


class StageTrainer(Trainer):
    """Trains one stage. ``kept`` are the averaged weights of the selected epoch."""

    def __init__(
        self,
        network: Network,
        arguments: TrainingArguments,
        stage: Stage,
        *,
        progress: Progress,
        checkpoints: Checkpoints | None,
    ) -> None:
        self.batches, self.order = stage.batches, EpochOrder(stage.batches.per_epoch)
        self.plan, self.settings, self.progress = stage.plan, stage.settings, progress
        self._class_weights = stage.class_weights.to(arguments.device)
        self._checkpoints = checkpoints
        self._started = time.monotonic()
        self.network = network
        network.freeze(stage.plan.frozen)
        self.average = AveragedModel(
            network,
            device=arguments.device,
            multi_avg_fn=_warming_up(stage.plan.averaging),
            use_buffers=True,  # the statistics of batch norms
        )
        seed = (stage.settings.seed, stage.plan.number)
        self.callback = StageCallback(network, self.average, self.order, seed)
        super().__init__(
            model=network,
            args=arguments,
            train_dataset=stage.batches,
            eval_dataset=stage.validation,
            compute_metrics=_measured,
            callbacks=[self.callback],
        )
        self.remove_callback(PrinterCallback)
        self.kept: dict[str, Tensor] = {}

    @property
    def stopped(self) -> bool:
        """Whether SIGTERM ended the stage; a checkpoint contains the work so far."""
        return self.callback.stopped

    @property
    def averaged(self) -> dict[str, Tensor]:
        """The averaged weights and batch norm statistics; they change with each step."""
        values: dict[str, Tensor] = self.average.module.state_dict()
        return values

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Not divided by accelerate: every process makes its own part of a batch."""
        return DataLoader(self.batches, batch_sampler=self.order, collate_fn=_only)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: ARG002
        """AdamW. Weights decay; biases and batch norm do not. The head learns faster."""
        if self.optimizer is None:
            groups: dict[tuple[bool, bool], list[Tensor]] = {}
            for name, value in self.network.named_parameters():
                if value.requires_grad:
                    key = (self.network.is_head(name), value.ndim > 1)
                    groups.setdefault(key, []).append(value)
            chosen: list[dict[str, Any]] = [
                {
                    "params": values,
                    "lr": self.plan.learning_rate * (self.settings.recipe.head_rate if head else 1),
                    "weight_decay": self.settings.weight_decay if decays else 0.0,
                }
                for (head, decays), values in sorted(groups.items(), key=lambda item: item[0])
            ]
            # One kernel instead of a dozen per weight saves a fifth of the step with a small
            # network.
            self.optimizer = torch.optim.AdamW(chosen, fused=True)
        return self.optimizer

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ARG002
    ) -> Any:
        """Cross entropy: with mixed and smoothed labels in training, plain when measuring."""
        scores = model(inputs["pictures"]).float()
        labels = inputs["labels"]
        if labels.ndim == 1:
            loss = functional.cross_entropy(scores, labels)
        else:
            smoothing = self.settings.label_smoothing
            wanted = labels * (1 - smoothing) + smoothing / labels.shape[1]
            each = -wanted * functional.log_softmax(scores, dim=1) * self._class_weights
            loss = each.sum(dim=1).mean()
        return (loss, {"scores": scores}) if return_outputs else loss

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)
        value = float(loss)
        if not np.isfinite(value):
            raise StepError(
                f"the loss became {value} in step {self.state.global_step + 1}; a lower "
                f"learning-rate than {self.settings.learning_rate} may help"
            )
        self.progress.add_loss(value)
        return loss

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Measure the averaged weights on the validation photos, and record the epoch."""
        self._share_average()
        own = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.averaged)
        try:
            metrics: dict[str, float] = super().evaluate(*arguments, **options)
        finally:
            self.network.load_state_dict(own)
        loss = torch.tensor(self.progress.take_loss(), device=self.args.device)
        seconds, self._started = time.monotonic() - self._started, time.monotonic()
        epoch = Epoch(
            stage=self.plan.number,
            epoch=len(self.progress.epochs) + 1,
            size=self.plan.size,
            learning_rate=self.rate(),
            train_loss=float(self.accelerator.reduce(loss, "mean")),
            validation_loss=metrics["eval_loss"],
            validation_accuracy=metrics["eval_accuracy"],
            seconds=round(seconds, 1),
            validation_error=metrics["eval_error"],
        )
        if self.progress.add_epoch(epoch, patience=self.settings.patience):
            self.kept = {name: value.clone() for name, value in self.averaged.items()}
        if self.progress.stage_done:
            self.control.should_training_stop = True
        if self.is_world_process_zero():
            print(epoch.line(of=self.settings.epochs), flush=True)
        return metrics

    @torch.no_grad()
    def _share_average(self) -> None:
        """Use the first process's average: each has batch norm statistics of its own photos."""
        if self.args.world_size > 1:
            for value in self.averaged.values():
                distributed.broadcast(value, src=0)

    def rate(self) -> float:
        """The learning rate of the pretrained layers at this step."""
        return float(self.lr_scheduler.get_last_lr()[0]) if self.lr_scheduler else 0.0

    def resume(self, checkpoint: Checkpoint) -> None:
        """Continue exactly from a checkpoint."""
        self.average.load_state_dict(load_file(checkpoint.folder / _AVERAGE))
        path = checkpoint.folder / _KEPT
        if path.is_file():
            self.kept = {k: v.to(self.args.device) for k, v in load_file(path).items()}
        if not self.progress.stage_done:
            self.train(resume_from_checkpoint=str(checkpoint.folder))

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        if self.args.should_save:
            folder = Path(output_dir or str(self.args.output_dir))
            folder.mkdir(parents=True, exist_ok=True)
            _save(self.network.state_dict(), folder / "model.safetensors")

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write the Trainer's files and ours; turn them into a checkpoint when all are written."""
        if self._checkpoints is None:
            return
        step = self.state.global_step
        written = Path(str(self.args.output_dir)) / f"checkpoint-{step}"
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                _save(self.average.state_dict(), written / _AVERAGE)
                if self.kept:
                    _save(self.kept, written / _KEPT)
                progress = self.progress.to_json()
                self._checkpoints.keep(
                    written, stage=self.plan.number, step=step, progress=progress
                )
        # torch and safetensors report a full disk as errors of their own.
        except (OSError, RuntimeError, SafetensorError) as error:
            self._checkpoints.clear_scratch()
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
            print(
                f"warning: no checkpoint at step {step}: {reason}; training continues, but after "
                "an interruption it would resume from the previous checkpoint",
                flush=True,
            )


_Tensors: TypeAlias = list[Tensor] | tuple[Tensor, ...]


def _warming_up(decay: float) -> Callable[[_Tensors, _Tensors, Tensor | int], None]:
    """torch's exponential moving average, which follows faster during the first steps."""

    def update(averages: _Tensors, values: _Tensors, updates: Tensor | int) -> None:
        # The first update copies the weights; this one is number ``updates`` + 1.
        done = int(updates)
        slower = min(decay, (2 + done) / (11 + done))
        average = get_ema_multi_avg_fn(slower)  # type: ignore[no-untyped-call]
        average(averages, values, updates)

    return update


def _save(values: dict[str, Tensor], path: Path) -> None:
    # safetensors supports only one memory layout; loading copies into ours.
    save_file({name: value.contiguous() for name, value in values.items()}, path)


def _only(items: list[Any]) -> Any:
    return items[0]


def _measured(answers: EvalPrediction) -> dict[str, float]:
    """Accuracy, and the standard error of the loss."""
    scores = np.asarray(answers.predictions, np.float64)
    labels = np.asarray(answers.label_ids)
    own = scores[np.arange(len(labels)), labels]
    losses = special.logsumexp(scores, axis=1) - own
    return {
        "accuracy": float(np.mean(np.argmax(scores, axis=1) == labels)),
        "error": float(np.std(losses) / np.sqrt(len(losses))),
    }
