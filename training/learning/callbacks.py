# SPDX-License-Identifier: Apache-2.0
"""Looks after a running stage: order, chance, averaging, progress, and the wish to stop."""

import sys
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training import sagemaker_job
from training.learning.batches import seed_of
from training.learning.progress import Epoch

if TYPE_CHECKING:
    from training.learning.trainer import Learner


class Watch(TrainerCallback):
    """Hears of every step and epoch of a Learner."""

    def __init__(self, learner: "Learner") -> None:
        self._learner = learner
        self._bar: Any = None
        self.stopped = False

    def on_epoch_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        order = self._learner.order
        order.epoch = state.global_step // order.per_epoch
        if state.is_world_process_zero and sys.stderr.isatty():
            done = state.global_step % order.per_epoch
            self._bar = tqdm(total=order.per_epoch, initial=done, leave=False, unit="step")

    def on_step_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        # Dropout, too, depends on the step alone, so that nothing need be remembered.
        plan, settings = self._learner.plan, self._learner.settings
        parts = (settings.seed, plan.number, "dropout", state.global_step, args.process_index)
        seed = seed_of(*parts)
        # Not torch.manual_seed: on a machine without a GPU it spends its time on a stack trace.
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_available():
            torch.cuda.manual_seed_all(seed)

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        learner = self._learner
        learner.average.update(learner.network, step=state.global_step)
        if self._bar is not None:
            self._bar.update()
        epoch_over = state.global_step % learner.order.per_epoch == 0
        # At an epoch's end the measuring comes first, so that the checkpoint is a whole epoch's.
        if not epoch_over and self._asked_to_stop():
            self.stopped = True
            control.should_save = control.should_training_stop = True

    def on_epoch_end(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self.stopped:
            # Half an epoch is neither measured nor saved again.
            control.should_evaluate = control.should_save = False
        elif self._asked_to_stop():
            self.stopped = control.should_training_stop = True

    def show(self, epoch: Epoch) -> None:
        """The line that CloudWatch's metrics are read from."""
        if not self._learner.is_world_process_zero():
            return
        print(
            f"epoch={epoch.epoch}/{self._learner.settings.epochs} "
            f"train_loss={epoch.train_loss:.4f} "
            f"validation_loss={epoch.validation_loss:.4f} "
            f"validation_accuracy={epoch.validation_accuracy:.4f} "
            f"size={epoch.size} seconds={epoch.seconds:.1f}",
            flush=True,
        )

    def _asked_to_stop(self) -> bool:
        """Whether any process was asked: all of them must stop at the same step."""
        asked = sagemaker_job.termination_asked()
        accelerator = self._learner.accelerator
        if accelerator.num_processes == 1:
            return asked
        flag = torch.tensor(float(asked), device=accelerator.device)
        return bool(accelerator.reduce(flag, "sum") > 0)
