# SPDX-License-Identifier: Apache-2.0
"""Starts the Train step on all GPUs and instances of a job.

SageMaker starts the same command on every instance and lists them in resourceconfig.json.
One instance with at most one GPU needs no launcher. Standard library only.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from training import sagemaker_job

_PORT = 29500
_STEP = ("-m", "training.train")


def command(
    hosts: Sequence[str], current: str, *, gpus: int, arguments: Sequence[str]
) -> list[str]:
    """The command line for this instance. All instances must derive the same host order."""
    if len(hosts) <= 1 and gpus <= 1:
        return [sys.executable, *_STEP, *arguments]
    ordered = sorted(hosts) or [current]
    if current not in ordered:
        raise sagemaker_job.StepError(
            f"resourceconfig.json: current_host {current!r} is not one of {hosts}"
        )
    place = [f"--nnodes={len(ordered)}", f"--nproc-per-node={max(1, gpus)}"]
    if len(ordered) == 1:
        place.append("--standalone")
    else:
        place += [f"--node-rank={ordered.index(current)}"]
        port = os.environ.get("MASTER_PORT", _PORT)
        place += [f"--master-addr={ordered[0]}", f"--master-port={port}"]
    return [sys.executable, "-m", "torch.distributed.run", *place, *_STEP, *arguments]


def threads(*, gpus: int, cores: int) -> int:
    """Threads of each process: the launcher's default would be one."""
    return max(1, cores // max(1, gpus))


class Cluster(NamedTuple):
    """The instances of a job: all of them, this one, and its network interface."""

    hosts: list[str]
    current: str
    interface: str = ""
    """The network interface to the other instances, if SageMaker names one."""


def cluster() -> Cluster:
    """The instances of the job, from resourceconfig.json; outside a job only this machine."""
    path = sagemaker_job.base() / "input" / "config" / "resourceconfig.json"
    if not path.is_file():
        return Cluster(["localhost"], "localhost")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        names, current = [str(name) for name in document["hosts"]], str(document["current_host"])
        return Cluster(names, current, str(document.get("network_interface_name") or ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise sagemaker_job.StepError(
            f"{path}: hosts and current_host are expected: {error!r}"
        ) from error


def network(found: Cluster) -> Mapping[str, str]:
    """Environment variables with which gloo and NCCL find the other instances.

    On SageMaker the host name of every instance is `aws`, which does not resolve. Both libraries
    would resolve it to find their own address, fall back to loopback and never connect. NCCL would
    also treat instances with the same name as one machine.
    """
    if len(found.hosts) <= 1:
        return {}
    named = {"NCCL_HOSTID": found.current}
    if found.interface:
        named |= dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"), found.interface)
    return named


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
    instances = cluster()
    found, cores = gpus(), os.cpu_count() or 1
    line = command(instances.hosts, instances.current, gpus=found, arguments=sys.argv[1:])
    if "torch.distributed.run" in line:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads(gpus=found, cores=cores)))
        chosen = network(instances)
        for name, value in chosen.items():
            os.environ.setdefault(name, value)
        shown = [f"{name}={os.environ[name]}" for name in sorted(chosen)]
        print(f"launch: {' '.join([*shown, *line[1:]])}", flush=True)
    sys.stdout.flush()
    # exec: the step itself, or the launcher, gets SageMaker's SIGTERM.
    os.execv(line[0], line)  # noqa: S606 - a fixed program, no shell


if __name__ == "__main__":
    sagemaker_job.run(main)
