# SPDX-License-Identifier: Apache-2.0
"""An average of the weights over the last steps: surer than the weights of any one step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed, nn


class Average:
    """A moving average of a module's weights and batch norm statistics."""

    def __init__(self, module: nn.Module, *, decay: float) -> None:
        self._decay = decay
        self.values = {name: value.clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, *, step: int) -> None:
        """Take in the weights after ``step`` steps. Early on it follows faster."""
        own, new = [], []
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                own.append(self.values[name])
                new.append(value)
            else:
                self.values[name].copy_(value)
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(own, new, 1 - decay)

    @torch.no_grad()
    def agree(self) -> None:
        """Take the first process's average: each has batch norm statistics of its own photos."""
        if distributed.is_available() and distributed.is_initialized():
            for value in self.values.values():
                distributed.broadcast(value, src=0)

    def load(self, values: dict[str, Tensor]) -> None:
        """Take over what a checkpoint holds."""
        for name, value in self.values.items():
            value.copy_(values[name])

    @contextmanager
    def applied_to(self, module: nn.Module) -> Iterator[None]:
        """The module has the average's weights until the end of the block."""
        before = {name: value.clone() for name, value in module.state_dict().items()}
        module.load_state_dict(self.values)
        try:
            yield
        finally:
            module.load_state_dict(before)
