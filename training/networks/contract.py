# SPDX-License-Identifier: Apache-2.0
"""What every network offers, whoever wrote it: pictures in, scores out, and a few names."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalised(nn.Module):
    """A network that takes RGB from 0 to 255, [N, 3, H, W]: the normalisation is inside.

    ``float_modules`` are the modules of ``network`` that lose too much as int8. ``blocks`` are its
    modules in the order in which a picture passes them: the first ones can be frozen. ``head`` is
    the module that is made new for each set of classes.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        mean: Sequence[float],
        deviation: Sequence[float],
        float_modules: tuple[str, ...],
        blocks: tuple[str, ...],
        head: str,
    ) -> None:
        super().__init__()
        self.network = network
        self.float_modules, self.blocks, self.head = float_modules, blocks, head
        self._frozen: tuple[str, ...] = ()
        centre, spread = torch.tensor(mean), torch.tensor(deviation)
        self.register_buffer("scale", (1 / (255 * spread)).view(1, 3, 1, 1))
        self.register_buffer("shift", (-centre / spread).view(1, 3, 1, 1))
        # Twice as fast on a CPU as the default layout.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pictures: Tensor) -> Tensor:
        normal = (pictures * self.scale + self.shift).contiguous(memory_format=torch.channels_last)
        answer = self.network(normal)
        # transformers' models answer with an object, ours with the scores themselves.
        scores: Tensor = answer if isinstance(answer, Tensor) else answer.logits
        return scores

    def freeze(self, count: int) -> None:
        """Fix the first ``count`` blocks: neither their weights nor their statistics learn."""
        self._frozen = self.blocks[:count]
        for parameter in self.network.parameters():
            parameter.requires_grad_(True)
        for name in self._frozen:
            self.network.get_submodule(name).requires_grad_(False)

    def train(self, mode: bool = True) -> "Normalised":
        """Switch to training, except what is frozen: its batch norm keeps its statistics."""
        super().train(mode)
        for name in self._frozen:
            self.network.get_submodule(name).eval()
        return self

    def is_head(self, parameter: str) -> bool:
        """Whether the parameter of this name belongs to the head."""
        return parameter.startswith(f"network.{self.head}.")
