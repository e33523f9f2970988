# SPDX-License-Identifier: Apache-2.0
"""From a trained network to the file that cameras run: ONNX, int8, checked.

Weights and activations become int8 (QDQ, one scale per output channel), calibrated on training
photos. The stem and the normalisation before it stay in float: quantising the stem costs 2 to 3
points of accuracy.
"""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from training.network import Deployed, Normalised

OPSET = 17
INPUT, OUTPUT = "picture", "probabilities"
_QUANTISED = [
    "Add",
    "Concat",
    "Conv",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Relu",
]


def export_float(network: Normalised, path: Path, *, size: int) -> None:
    """Write the network as float ONNX: uint8 [1, size, size, 3] in, probabilities out."""
    # A new wrapper is in training mode even around a network that is not: dropout would be traced.
    deployed = Deployed(network).eval()
    picture = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        # The newer exporter needs onnxscript, which the container's image does not have.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            deployed,
            (picture,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
        )


def quantise(source: Path, path: Path, *, calibration: NDArray[np.uint8]) -> None:
    """Write the int8 version of a float model; ``calibration`` is uint8 [N, size, size, 3]."""
    root = logging.getLogger()
    level = root.level
    # onnxruntime advises on the root logger to preprocess; the exporter has folded everything.
    root.setLevel(logging.ERROR)
    try:
        quantize_static(
            str(source),
            str(path),
            _Photos(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            # Cameras without VNNI add pairs of products in 16 bits: 7-bit weights cannot overflow.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=_QUANTISED,
            nodes_to_exclude=_kept_in_float(source),
        )
    finally:
        root.setLevel(level)


def _kept_in_float(path: Path) -> list[str]:
    """Names of the stem's nodes and of those around the network: normalisation and softmax.

    The exporter names nodes after their modules.
    """
    names = (node.name for node in onnx.load(path).graph.node)
    return [name for name in names if "/network/" not in name or "/network/stem/" in name]


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    """Hands calibration photos to onnxruntime, one at a time."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._rows: Iterator[NDArray[np.uint8]] = (
            pixels[index : index + 1] for index in range(len(pixels))
        )

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        row = next(self._rows, None)
        return None if row is None else {INPUT: row}
