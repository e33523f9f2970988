# SPDX-License-Identifier: Apache-2.0
"""Starts the Train step on all GPUs and instances of a job.

SageMaker starts the same command on every instance and says in resourceconfig.json who they are.
One instance with at most one GPU needs no launcher. Standard library only.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the project importable
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from training import job

_PORT = 29500
_STEP = ("-m", "training.train")


def command(
    hosts: Sequence[str], current: str, *, gpus: int, arguments: Sequence[str]
) -> list[str]:
    """The command line for this instance. Every instance must come to the same order of hosts."""
    if len(hosts) <= 1 and gpus <= 1:
        return [sys.executable, *_STEP, *arguments]
    ordered = sorted(hosts) or [current]
    if current not in ordered:
        raise job.StepError(f"resourceconfig.json: current_host {current!r} is not one of {hosts}")
    place = [f"--nnodes={len(ordered)}", f"--nproc-per-node={max(1, gpus)}"]
    if len(ordered) == 1:
        place.append("--standalone")
    else:
        place += [f"--node-rank={ordered.index(current)}"]
        place += [f"--master-addr={ordered[0]}", f"--master-port={_PORT}"]
    return [sys.executable, "-m", "torch.distributed.run", *place, *_STEP, *arguments]


def threads(*, gpus: int, cores: int) -> int:
    """Threads of each process: the launcher's own choice would be one."""
    return max(1, cores // max(1, gpus))


def hosts() -> tuple[list[str], str]:
    """All instances of the job and this one, as resourceconfig.json says."""
    path = job.base() / "input" / "config" / "resourceconfig.json"
    if not path.is_file():
        return ["localhost"], "localhost"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [str(name) for name in document["hosts"]], str(document["current_host"])
    except (ValueError, KeyError, TypeError) as error:
        raise job.StepError(f"{path}: hosts and current_host are expected: {error!r}") from error


def gpus() -> int:
    """How many GPUs this machine has, without importing torch."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    listed = [line for line in done.stdout.splitlines() if line.startswith("GPU ")]
    return len(listed) if done.returncode == 0 else 0


def main() -> None:
    names, current = hosts()
    found, cores = gpus(), os.cpu_count() or 1
    line = command(names, current, gpus=found, arguments=sys.argv[1:])
    if "torch.distributed.run" in line:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads(gpus=found, cores=cores)))
        print(f"launch: {' '.join(line[1:])}", flush=True)
    sys.stdout.flush()
    # exec: the step itself, or the launcher, gets SageMaker's SIGTERM.
    os.execv(line[0], line)  # noqa: S606 - a fixed program, no shell


if __name__ == "__main__":
    job.run(main)
