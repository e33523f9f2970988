# SPDX-License-Identifier: Apache-2.0
"""Exports a network to ONNX, checks its parity with torch and folds in the temperature.

``training.packaging.quantise`` makes the int8 file from what this module writes.
"""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from contracts.onnx_runtime import onnxruntime
from training.classifier import Classifier
from training.sagemaker_job import StepError

OPSET = 17
INPUT, OUTPUT = "picture", "probabilities"
_TEMPERATURE = "inverse_temperature"
PARITY_LIMIT = 1e-3
"""Largest allowed difference of a probability between torch and the float ONNX file.

Measured: 2e-6 for the compact network, 2e-5 for MobileNetV2. A padding, a normalisation or a layer
left in training mode that the exporter got wrong shows as 0.01 to 1."""


class _Deployed(nn.Module):
    """The contract's graph: uint8 [1, H, W, 3] RGB in, probabilities [1, classes] out."""

    def __init__(self, normalised: nn.Module) -> None:
        super().__init__()
        self.normalised = normalised

    def forward(self, picture: Tensor) -> Tensor:
        scores: Tensor = self.normalised(picture.permute(0, 3, 1, 2).float())
        return torch.softmax(scores, dim=1)


def export_float(network: nn.Module, path: Path, *, size: int) -> None:
    """Write the network as float ONNX: uint8 [1, size, size, 3] in, probabilities out.

    Constants are folded and paddings merged into their convolutions, so that the quantiser sees
    layers only. Nodes keep the names of the modules they come from.
    """
    # A new wrapper is in training mode even around a network that is not: dropout would be traced.
    deployed = _Deployed(network).eval()
    picture = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    with tempfile.TemporaryDirectory(prefix="binsight-") as name:
        traced, merged = Path(name) / "traced.onnx", Path(name) / "merged.onnx"
        with warnings.catch_warnings(), torch.no_grad():
            # The newer exporter needs onnxscript, which the container's image does not have.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                deployed,
                (picture,),
                str(traced),
                dynamo=False,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # "Basic" rewrites are the same on every processor; the next level is not.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(merged)
        onnxruntime.InferenceSession(str(traced), options, providers=["CPUExecutionProvider"])
        model = onnx.load(merged)
    # onnxruntime names every operator set it knows; cameras need the standard one only.
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", OPSET))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def check_parity(network: nn.Module, path: Path, pixels: NDArray[np.uint8]) -> float:
    """The largest difference between torch's probabilities and the file's. Raises StepError."""
    deployed = _Deployed(network).eval()
    with torch.no_grad():
        expected = np.concatenate(
            [
                deployed(torch.from_numpy(pixels[index : index + 1])).float().numpy()
                for index in range(len(pixels))
            ]
        )
    difference = float(np.abs(Classifier(path).probabilities(pixels) - expected).max())
    # This form also refuses NaN.
    if not difference <= PARITY_LIMIT:
        raise StepError(
            f"export: the ONNX file and torch differ by {difference:.4g} on the same photos; "
            f"allowed: {PARITY_LIMIT:g}"
        )
    return difference


def fold_temperature(path: Path, temperature: float) -> None:
    """Divide the scores by ``temperature`` before the softmax, inside the graph, once."""
    model = onnx.load(path)
    softmax = next(node for node in model.graph.node if node.output[0] == OUTPUT)
    if softmax.op_type != "Softmax" or any(w.name == _TEMPERATURE for w in model.graph.initializer):
        raise ValueError(f"{path}: expected a Softmax without temperature at the end")
    scores, scaled = softmax.input[0], "scaled_scores"
    softmax.input[0] = scaled
    value = numpy_helper.from_array(np.array(1 / temperature, np.float32), _TEMPERATURE)
    model.graph.initializer.append(value)
    position = list(model.graph.node).index(softmax)
    model.graph.node.insert(
        position, helper.make_node("Mul", [scores, _TEMPERATURE], [scaled], "/Temperature")
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)
