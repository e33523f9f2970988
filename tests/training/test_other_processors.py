# SPDX-License-Identifier: Apache-2.0
"""The very file that is deployed answers alike on processors that have no VNNI, as cameras do."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.emulate_cpu import answers_on, difference, emulator
from contracts.model_archive import unpack_archive
from tests.training.conftest import Run
from training.sagemaker_job import StepError

pytestmark = [
    pytest.mark.xdist_group("training"),
    pytest.mark.skipif(emulator() is None, reason="qemu-user is not installed"),
]


@pytest.mark.parametrize("processor", ["Westmere", "Haswell"])
def test_a_camera_answers_as_the_evaluation_did(
    processor: str, sagemaker_run: Run, tmp_path: Path
) -> None:
    card = unpack_archive(sagemaker_run.archive, tmp_path)
    golden = np.load(tmp_path / "golden/inputs.npy", allow_pickle=False)
    found = difference(processor, tmp_path / "model.onnx", golden)
    assert found.pictures == len(golden)
    # A file that a camera would refuse: adoption compares the golden outputs just like this.
    assert found.largest <= card.golden_tolerance
    assert found.other_answers == 0


def test_a_processor_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"^Abacus: exit status 1: .*CPU model"):
        answers_on("Abacus", tmp_path / "model.onnx", np.zeros((1, 32, 32, 3), np.uint8))
