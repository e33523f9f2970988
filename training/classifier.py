# SPDX-License-Identifier: Apache-2.0
"""Runs a model file as the camera does: onnxruntime, one picture at a time on one thread."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.onnx_runtime import onnxruntime
from contracts.preprocessing import FLIPS, flipped


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds for one picture on one thread of this machine, which is not a camera."""

    p50_ms: float
    p99_ms: float
    pictures: int

    def to_json(self) -> dict[str, float]:
        return asdict(self)


class Classifier:
    """A loaded model.onnx."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self.input_name: str = self._session.get_inputs()[0].name
        self.output_name: str = self._session.get_outputs()[0].name

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 [N, H, W, 3] -> float32 [N, classes]. Several pictures share the processors."""
        # Each picture is computed alone on one thread, so the answers do not depend on how many.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            rows = list(pool.map(self._run, (pixels[i : i + 1] for i in range(len(pixels)))))
        return np.concatenate(rows).astype(np.float32)

    def answers(self, pixels: NDArray[np.uint8], *, flips: bool) -> NDArray[np.float32]:
        """The same as a camera decides: the mean over all that the model is shown.

        ``flips``: that of the model's card.
        """
        mean: NDArray[np.float32] = np.mean(self.looks(pixels, flips=flips), axis=0)
        return mean

    def looks(self, pixels: NDArray[np.uint8], *, flips: bool) -> list[NDArray[np.float32]]:
        """The probabilities for the pictures, flipped in each way that the model is shown."""
        count = len(FLIPS) if flips else 1
        return [self.probabilities(flipped(pixels, number)) for number in range(count)]

    def latency(self, pixels: NDArray[np.uint8], *, pictures: int = 100) -> Latency:
        """Time pictures one after the other, after a few that warm up."""
        spent = []
        for number in range(pictures + 5):
            picture = pixels[number % len(pixels)][None]
            started = time.perf_counter()
            self._run(picture)
            spent.append(1000 * (time.perf_counter() - started))
        p50, p99 = np.percentile(spent[5:], (50, 99))
        return Latency(p50_ms=round(float(p50), 2), p99_ms=round(float(p99), 2), pictures=pictures)

    def _run(self, picture: NDArray[np.uint8]) -> Any:
        return self._session.run([self.output_name], {self.input_name: picture})[0]
