# SPDX-License-Identifier: Apache-2.0
"""Run a model file on emulated processors and compare its answers with those of this machine.

``python -m benchmarks.emulate_cpu --model model.tar.gz`` needs qemu-user (Debian).

Processors without VNNI multiply int8 in pairs and add the two products in 16 bits: with unsigned
activations and full signed weights the sum can exceed 32767 and is cut off (onnxruntime's U8S8
kernels). The file then answers differently on a camera than in the evaluation, without any error.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contracts.model_archive import GOLDEN_INPUTS, MODEL, unpack_archive
from training import sagemaker_job
from training.classifier import Classifier

Probabilities = NDArray[np.float32]

PROCESSORS: Mapping[str, str] = {
    "Westmere": "SSE4.2 only: the least that cameras have",
    "Denverton": "an Atom of the kind that camera boxes have, SSE4.2 only",
    "Haswell": "AVX2 without VNNI: most PCs of ten years",
}
_EMULATORS = ("qemu-x86_64", "qemu-x86_64-static")
_SECONDS_PER_PICTURE = 60
_PROGRAM = """
import sys, numpy, onnxruntime
model, inputs, outputs = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
rows = [session.run(None, {name: picture[None]})[0] for picture in numpy.load(inputs)]
numpy.save(outputs, numpy.concatenate(rows))
"""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far a processor's answers are from this machine's."""

    processor: str
    pictures: int
    largest: float
    """Of a probability."""
    other_answers: int


def emulator() -> str | None:
    """The emulator of this machine; None where there is none."""
    return next(filter(None, map(shutil.which, _EMULATORS)), None)


def answers_on(processor: str, model: Path, pixels: NDArray[np.uint8]) -> Probabilities:
    """What the file answers on that processor. Raises StepError where it cannot be run."""
    program = emulator()
    if program is None:
        raise sagemaker_job.StepError(
            "qemu-x86_64 is not installed (Debian: apt-get install qemu-user)"
        )
    with tempfile.TemporaryDirectory(prefix="binsight-") as name:
        inputs, outputs = Path(name) / "inputs.npy", Path(name) / "outputs.npy"
        np.save(inputs, pixels, allow_pickle=False)
        command = [program, "-cpu", processor, sys.executable, "-c", _PROGRAM]
        try:
            done = subprocess.run(
                [*command, str(model), str(inputs), str(outputs)],
                capture_output=True,
                text=True,
                timeout=120 + _SECONDS_PER_PICTURE * len(pixels),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise sagemaker_job.StepError(
                f"{processor}: no answer after {error.timeout:.0f} s"
            ) from error
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise sagemaker_job.StepError(f"{processor}: exit status {done.returncode}: {reason}")
        answers: Probabilities = np.load(outputs, allow_pickle=False)
        return answers


def difference(processor: str, model: Path, pixels: NDArray[np.uint8]) -> Difference:
    """Compare a processor's answers with this machine's."""
    here, there = Classifier(model).probabilities(pixels), answers_on(processor, model, pixels)
    return Difference(
        processor=processor,
        pictures=len(pixels),
        largest=float(np.abs(here - there).max()),
        other_answers=int((here.argmax(axis=1) != there.argmax(axis=1)).sum()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="model.tar.gz")
    parser.add_argument("--processors", nargs="+", default=list(PROCESSORS), metavar="NAME")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="binsight-") as name:
        card = unpack_archive(given.model, Path(name))
        golden = np.load(Path(name) / GOLDEN_INPUTS, allow_pickle=False)
        for processor in given.processors:
            found = difference(processor, Path(name) / MODEL, golden)
            fits = "within" if found.largest <= card.golden_tolerance else "BEYOND"
            print(
                f"{processor}: largest difference {found.largest:.5f} over {found.pictures} golden "
                f"pictures, {fits} the card's tolerance {card.golden_tolerance:g}; "
                f"{found.other_answers} other answers",
                flush=True,
            )


if __name__ == "__main__":
    sagemaker_job.run(main)
