# SPDX-License-Identifier: Apache-2.0
"""Runs the training steps as programs."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HYPERPARAMETERS = {"network": "compact", "epochs": "2", "image-size": "32", "seed": "3"}


def environment(**extra: str) -> dict[str, str]:
    """What a step's process gets: this interpreter first, nothing of SageMaker's but ``extra``."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SM_", "SAGE"))}
    python = str(Path(sys.executable).parent)
    # One thread: the suite shares the machine with its other workers.
    path = os.pathsep.join([python, os.environ["PATH"]])
    return {**kept, "PATH": path, "OMP_NUM_THREADS": "1", **extra}


def run_step(*command: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run ``python <command>`` from the project's root."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def enter(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run the container's entry script, from somewhere else than the project."""
    return subprocess.run(
        ["bash", str(ROOT / "training" / "entrypoint.sh"), *arguments],
        cwd="/",
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def files(folder: Path) -> dict[str, bytes]:
    """What a folder holds, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
