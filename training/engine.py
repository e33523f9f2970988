# SPDX-License-Identifier: Apache-2.0
"""Runs a model file as the camera does: onnxruntime, one picture at a time."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray


class Classifier:
    """A loaded model.onnx."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self.input_name: str = self._session.get_inputs()[0].name
        self.output_name: str = self._session.get_outputs()[0].name

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 [N, H, W, 3] -> float32 [N, classes]."""
        rows = [
            self._session.run([self.output_name], {self.input_name: pixels[index : index + 1]})[0]
            for index in range(len(pixels))
        ]
        return np.concatenate(rows).astype(np.float32)
