# SPDX-License-Identifier: Apache-2.0
"""All environments in one process against one of them: ``python -m benchmarks.environments``."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from contracts.command_line import run_command
from infra.config.settings import names
from template_review.synthesis import synth_child
from tests.conftest import ROOT

TARGET = 1.5
ROUNDS = 3


def main() -> int:
    """Time both alternately and print the ratio."""
    everyone = list(names())
    times: dict[int, list[float]] = {1: [], len(everyone): []}
    for _ in range(ROUNDS):
        for chosen in (everyone[:1], everyone):
            times[len(chosen)].append(_seconds(chosen))
    for count, walls in times.items():
        print(
            f"synth of {count} environment(s) in one process: wall min {min(walls):.2f} s, "
            f"median {statistics.median(walls):.2f} s; {ROUNDS} rounds"
        )
    one, several = times.values()
    ratio = statistics.median(several) / statistics.median(one)
    print(
        f"ratio: {ratio:.2f} (medians), {min(several) / min(one):.2f} (minima); "
        f"target at most {TARGET}"
    )
    return 0


def _seconds(chosen: list[str]) -> float:
    path = os.pathsep.join([f"{ROOT}/.venv/bin", os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        subprocess.run(
            [sys.executable, synth_child.__file__, "app:build", folder, *chosen],
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            check=True,
        )
        return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(run_command(main))
