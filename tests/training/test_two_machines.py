# SPDX-License-Identifier: Apache-2.0
"""A training job on two machines whose own name leads nowhere, as SageMaker's do."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.training import machines
from tests.training.conftest import Run
from tests.training.steps import HYPERPARAMETERS, ROOT, files, run_step
from training.learning import distributed

_IMPOSSIBLE = machines.impossible()
pytestmark = [
    pytest.mark.xdist_group("training"),
    pytest.mark.skipif(bool(_IMPOSSIBLE), reason=_IMPOSSIBLE),
]
TIMEOUT = 1200


def _ended(process: subprocess.Popen[str]) -> str:
    try:
        printed, _ = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        printed, _ = process.communicate()
        printed += f"\nstill waiting after {TIMEOUT} s"
    assert process.returncode == 0, printed
    return printed


def test_two_machines_train_what_two_processes_of_one_machine_train(
    sagemaker_run: Run, tmp_path: Path
) -> None:
    """The model is the same to the last bit, and the first machine alone leaves one."""
    entry = str(ROOT / "training" / "entrypoint.sh")
    with machines.two_machines(tmp_path) as pair:
        for machine in pair:
            machines.write_job(machine, HYPERPARAMETERS, sagemaker_run.prepared)
        running = [machine.start("bash", entry, "train") for machine in pair]
        printed = [_ended(process) for process in running]
    assert "--node-rank=1" in printed[1]
    first, second = (files(machine.root / "model") for machine in pair)
    assert set(first) >= {"model.json", "model.onnx"}
    assert second == {}
    line = distributed.command(["algo-1"], "algo-1", gpus=2, arguments=[])
    data = sagemaker_run.train / "input" / "data"
    given = [part for name, value in HYPERPARAMETERS.items() for part in (f"--{name}", value)]
    alone = run_step(
        *line[1:],
        *("--prepared", str(data / "prepared"), "--model-dir", str(tmp_path / "one")),
        *given,
        SAGEMAKER_BASE_DIR=str(tmp_path),
    )
    assert alone.returncode == 0, alone.stdout + alone.stderr
    expected = json.loads((tmp_path / "one" / "model.json").read_text())["digests"]["model"]
    assert json.loads(first["model.json"])["digests"]["model"] == expected
