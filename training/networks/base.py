# SPDX-License-Identifier: Apache-2.0
"""The base class of all networks: pictures in, scores out, names of their parts."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class Network(nn.Module):
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
        self._fused: list[nn.Module] = []
        centre, spread = torch.tensor(mean), torch.tensor(deviation)
        self.register_buffer("scale", (1 / (255 * spread)).view(1, 3, 1, 1))
        self.register_buffer("shift", (-centre / spread).view(1, 3, 1, 1))
        # This layout is twice as fast on a CPU as the default.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pictures: Tensor) -> Tensor:
        if self.training and self._frozen and not self._fused:
            self._fuse()
        normal = (pictures * self.scale + self.shift).contiguous(memory_format=torch.channels_last)
        answer = self.network(normal)
        # transformers' models answer with an object, ours with the scores themselves.
        scores: Tensor = answer if isinstance(answer, Tensor) else answer.logits
        return scores

    def freeze(self, count: int) -> None:
        """Freeze the first ``count`` blocks: neither their weights nor their statistics change."""
        self._unfuse()
        self._frozen = self.blocks[:count]
        for parameter in self.network.parameters():
            parameter.requires_grad_(True)
        for name in self._frozen:
            self.network.get_submodule(name).requires_grad_(False)

    def train(self, mode: bool = True) -> "Network":
        """Switch to training, except what is frozen: its batch norm keeps its statistics."""
        self._unfuse()
        super().train(mode)
        for name in self._frozen:
            self.network.get_submodule(name).eval()
        return self

    def _fuse(self) -> None:
        """Compute frozen blocks with their batch norms folded in: a fifth of a step less.

        Done at the first step, when the weights are there, and undone by ``train`` and ``eval``:
        weights, their names and what is measured are those of the network itself.
        """
        for name in self._frozen:
            block = self.network.get_submodule(name)
            folded = copy.deepcopy(block)
            for layer in folded.modules():
                convolution = getattr(layer, "convolution", None)
                norm = getattr(layer, "normalization", None)
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    layer.convolution = fuse_conv_bn_eval(convolution, norm)
                    layer.normalization = nn.Identity()
            # Beside the module's own parts: not a part itself, so it is in no state dict.
            block.__dict__["forward"] = folded.forward
            self._fused.append(block)

    def _unfuse(self) -> None:
        while self._fused:
            del self._fused.pop().__dict__["forward"]

    def is_head(self, parameter: str) -> bool:
        """Whether the parameter of this name belongs to the head."""
        return parameter.startswith(f"network.{self.head}.")
