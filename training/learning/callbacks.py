# SPDX-License-Identifier: Apache-2.0
"""The callback of a training stage: seeds each step, averages the weights, stops on SIGTERM."""

import sys
from typing import Any

import torch
from torch import distributed
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training import sagemaker_job
from training.learning.batches import EpochOrder, seed_of
from training.networks.base import Network


class StageCallback(TrainerCallback):
    """Called by the Trainer at every step and epoch of a stage.

    ``seed`` are the parts of the seed that all steps of the stage share. ``stopped`` is
    set when SIGTERM ended the stage.
    """

    def __init__(
        self, network: Network, average: AveragedModel, order: EpochOrder, seed: tuple[object, ...]
    ) -> None:
        self._network, self._average = network, average
        self._order, self._seed = order, seed
        self._bar: Any = None
        self.stopped = False

    def on_epoch_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        order = self._order
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
        # Dropout depends only on the step too, so that no state must be saved.
        seed = seed_of(*self._seed, "dropout", state.global_step, args.process_index)
        # Not torch.manual_seed: on a machine without a GPU it spends its time on a stack trace.
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_available():
            torch.cuda.manual_seed_all(seed)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        self._average.update_parameters(self._network)
        if self._bar is not None:
            self._bar.update()
        epoch_over = state.global_step % self._order.per_epoch == 0
        # At an epoch's end, measuring comes first, so that the checkpoint covers the whole epoch.
        if not epoch_over and _asked_to_stop(args):
            self.stopped = True
            control.should_save = control.should_training_stop = True

    def on_epoch_end(
        self,
        args: TrainingArguments,
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self.stopped:
            # An incomplete epoch is neither measured nor saved again.
            control.should_evaluate = control.should_save = False
        elif _asked_to_stop(args):
            self.stopped = control.should_training_stop = True


def _asked_to_stop(args: TrainingArguments) -> bool:
    """Whether any process was asked to stop: all of them must stop at the same step."""
    asked = sagemaker_job.termination_asked()
    if args.world_size == 1:
        return asked
    flag = torch.tensor(float(asked), device=args.device)
    distributed.all_reduce(flag)
    return bool(flag > 0)
