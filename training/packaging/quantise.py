# SPDX-License-Identifier: Apache-2.0
"""Quantises a float model to int8: half the time and a third of the size.

Weights and activations become int8 (QDQ, one scale per output channel), calibrated on training
photos. A network's ``float_modules`` (its stem) and everything around the network stay in float:
quantising the stem costs 2 to 3 points of accuracy.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from training.packaging.export import INPUT
from training.packaging.int8_scaling import make_pairs_safe

_QUANTISED = [
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "MaxPool",
    "Relu",
]
_NETWORK = "/normalised/network/"


def quantise(
    source: Path,
    path: Path,
    *,
    calibration: NDArray[np.uint8],
    float_modules: Sequence[str],
) -> None:
    """Write the int8 version of a float model; ``calibration`` is uint8 [N, size, size, 3]."""
    root = logging.getLogger()
    level = root.level
    # onnxruntime advises on the root logger to preprocess; export_float has folded everything.
    root.setLevel(logging.ERROR)
    try:
        quantize_static(
            str(source),
            str(path),
            _Photos(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=_QUANTISED,
            nodes_to_exclude=kept_in_float(source, float_modules),
        )
    finally:
        root.setLevel(level)
    make_pairs_safe(path, source)


def calibration_pictures(photos: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photos, and some of them mirrored, darker and brighter: conditions that cameras will also
    see.

    Otherwise bright scenes would exceed ranges set in average light.
    """
    darker = (photos[1::6] * np.float32(0.6)).astype(np.uint8)
    brighter = np.minimum(photos[2::6] * np.float32(1.3), 255).astype(np.uint8)
    return np.concatenate([photos, photos[::6, :, ::-1], darker, brighter])


def kept_in_float(path: Path, float_modules: Sequence[str]) -> list[str]:
    """Names of the nodes that are not quantised. The exporter names nodes after their modules."""
    kept = []
    for node in onnx.load(path).graph.node:
        _, inside, place = node.name.partition(_NETWORK)
        module = place.replace("/", ".")
        if not inside or any(module.startswith(f"{prefix}.") for prefix in float_modules):
            kept.append(node.name)
    return kept


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    """Hands calibration photos to onnxruntime, one at a time."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._rows: Iterator[NDArray[np.uint8]] = (
            pixels[index : index + 1] for index in range(len(pixels))
        )

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        row = next(self._rows, None)
        return None if row is None else {INPUT: row}
