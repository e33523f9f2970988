# SPDX-License-Identifier: Apache-2.0
"""transformers' image classification models, with fixes for fine-tuning on small datasets.

Each one in the table is tested through training, export and int8. Another model of transformers
needs an entry here, one in ``recipes.py``, and to pass the tests of this folder.
"""

import copy
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers.utils import logging as library_logging

from training.networks.base import Network
from training.networks.weights import FoundWeights, check_config, normalisation, unreadable

_HALF = (0.5, 0.5, 0.5)
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH_NORM_MOMENTUM = 0.05
"""Share of the newest batch. MobileNetV2's own 0.997 follows TensorFlow's convention: in torch it
would keep only the statistics of the last batch."""
_DROPOUT = 0.2
"""MobileNetV2's own 0.8 is TensorFlow's probability to keep, taken over as if it were a rate."""


@dataclass(frozen=True, kw_only=True)
class _Architecture:
    """The adaptation of one of transformers' models."""

    model: str
    config: str
    base: str
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    stem: str
    layers: Callable[[nn.Module], tuple[str, ...]]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)


def _list_of(name: str) -> Callable[[nn.Module], tuple[str, ...]]:
    def names(model: nn.Module) -> tuple[str, ...]:
        return tuple(f"{name}.{key}" for key, _ in model.get_submodule(name).named_children())

    return names


def _residual_layers(model: nn.Module) -> tuple[str, ...]:
    stages = "resnet.encoder.stages"
    return tuple(
        f"{stages}.{number}.layers.{index}"
        for number, stage in model.get_submodule(stages).named_children()
        for index, _ in stage.get_submodule("layers").named_children()
    )


ARCHITECTURES: Mapping[str, _Architecture] = {
    "mobilenet_v2": _Architecture(
        model="MobileNetV2ForImageClassification",
        config="MobileNetV2Config",
        base="mobilenet_v2",
        mean=_HALF,
        deviation=_HALF,
        stem="mobilenet_v2.conv_stem",
        layers=_list_of("mobilenet_v2.layer"),
        overrides={"classifier_dropout_prob": _DROPOUT},
    ),
    "resnet": _Architecture(
        model="ResNetForImageClassification",
        config="ResNetConfig",
        base="resnet",
        mean=_IMAGENET[0],
        deviation=_IMAGENET[1],
        stem="resnet.embedder",
        layers=_residual_layers,
        # A ResNet-14 of a quarter of ResNet-18's width: its archive stays under 4 MB.
        defaults={
            "layer_type": "basic",
            "embedding_size": 32,
            "hidden_sizes": [32, 64, 128, 256],
            "depths": [1, 2, 2, 1],
        },
    ),
}


def library_network(name: str, classes: int, weights: FoundWeights | None) -> Network:
    """A model of transformers for this many classes, from weights or random. The head is new."""
    known = ARCHITECTURES[name]
    model_class = getattr(transformers, known.model)
    config_class = getattr(transformers, known.config)
    own = {"num_labels": classes, **known.overrides}
    if weights is None:
        model = model_class(config_class(**{**known.defaults, **own}))
    else:
        check_config(weights, architecture=name, allowed=tuple(ARCHITECTURES))
        model = _load(model_class, config_class, weights, own, base=known.base)
    _new_head(model)
    mend(model)
    mean, deviation = normalisation(weights, known.mean, known.deviation)
    return Network(
        model.float(),
        mean=mean,
        deviation=deviation,
        float_modules=(known.stem,),
        blocks=(known.stem, *known.layers(model)),
        head="classifier",
    )


def _load(
    model_class: Any, config_class: Any, weights: FoundWeights, own: Mapping[str, Any], *, base: str
) -> nn.Module:
    """Raises StepError where a weight of the body is missing or has another shape."""
    verbosity = library_logging.get_verbosity()
    # It would report the head as missing, which is what is meant to be.
    library_logging.set_verbosity(logging.ERROR)
    library_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        config = config_class.from_pretrained(weights.folder, **own)
        model, report = model_class.from_pretrained(
            weights.folder,
            config=config,
            ignore_mismatched_sizes=True,
            # Files may be float16; training in it would underflow.
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        raise unreadable(weights, str(error)) from error
    finally:
        library_logging.set_verbosity(verbosity)
    body = f"{base}."
    missing = sorted(key for key in report["missing_keys"] if key.startswith(body))
    shapes = sorted(
        f"{key} {tuple(found)} instead of {tuple(wanted)}"
        for key, found, wanted in report["mismatched_keys"]
        if key.startswith(body)
    )
    if missing or shapes:
        what = f"{len(missing)} are missing, as {missing[0]}" if missing else shapes[0]
        raise unreadable(
            weights, f"weights do not fit {Path(weights.folder) / 'config.json'}: {what}"
        )
    built: nn.Module = model
    return built


def _new_head(model: nn.Module) -> None:
    """A head trained for other classes is dropped, even where their number happens to agree."""
    for module in model.get_submodule("classifier").modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


def mend(model: nn.Module) -> None:
    """Put right what a model took over from TensorFlow, without changing its answers."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = _BATCH_NORM_MOMENTUM
        if isinstance(module, (nn.ReLU, nn.ReLU6)):
            # One pass over the memory less; nothing reads what was there before.
            module.inplace = True
        config = getattr(module, "config", None)
        convolution = getattr(module, "convolution", None)
        if getattr(config, "tf_padding", False) and isinstance(convolution, nn.Conv2d):
            _pad_within(module, convolution)


def _pad_within(layer: Any, convolution: nn.Conv2d) -> None:
    """Let a stride-1 convolution pad by itself: the same bits, 15 % faster than a padded copy.

    With stride 2 TensorFlow's padding is lopsided; torch's would shift the picture.
    """
    if convolution.stride != (1, 1):
        return
    convolution.padding = tuple(
        kernel // 2 * dilation
        for kernel, dilation in zip(convolution.kernel_size, convolution.dilation, strict=True)
    )
    layer.config = copy.copy(layer.config)
    layer.config.tf_padding = False
