# SPDX-License-Identifier: Apache-2.0
"""The machines of one Training job: processes of this machine, each with a folder of its own.

They share its network. SageMaker's machines are called algo-1, algo-2, ... and find each other by
these names; here the first one's name is an address, since a made-up name would resolve nowhere.
"""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from ministack_edge.sagemaker.local_job import JobError, JobStoppedError, LocalJob

FIRST = "127.0.0.1"
"""Sorts before algo-2, so that the machine with this name leads, as algo-1 does on SageMaker."""


def machines(job: LocalJob, count: int) -> list[LocalJob]:
    """The job's machines; the first one is the job itself. Several also share a free port."""
    if count == 1:
        return [job]
    job.environment = {**job.environment, "MASTER_PORT": str(_free_port())}
    others = [replace(job, folder=job.folder / f"algo-{number}") for number in range(2, count + 1)]
    return [job, *others]


def resources(number: int, count: int, instance_type: str) -> Mapping[str, Any]:
    """What resourceconfig.json says on machine ``number``, counted from 0."""
    names = [FIRST if count > 1 else "algo-1", *(f"algo-{n}" for n in range(2, count + 1))]
    return {
        "current_host": names[number],
        "current_instance_type": instance_type,
        "hosts": names,
        "network_interface_name": _loopback(),
    }


def run_together(jobs: Sequence[LocalJob], command: Sequence[str], *, timeout: float) -> None:
    """Run the command on every machine; where one fails, the others are ended and it has failed."""
    if len(jobs) == 1:
        jobs[0].run(command, timeout=timeout)
        return
    ended = _Stop(jobs[0].context.stop)
    with ThreadPoolExecutor(len(jobs)) as pool:
        running = [
            pool.submit(
                replace(job, context=replace(job.context, stop=ended)).run, command, timeout=timeout
            )
            for job in jobs
        ]
        wait(running, return_when=FIRST_EXCEPTION)
        ended.set()
    errors = [error for future in running if (error := future.exception()) is not None]
    # Those that were only ended because another one failed say nothing.
    for error in sorted(errors, key=lambda error: isinstance(error, JobStoppedError)):
        raise error


def gather(jobs: Sequence[LocalJob], part: str) -> Path:
    """One folder of what all machines left in theirs, which is what SageMaker packs.

    A file that two of them left is refused: on SageMaker one would overwrite the other.
    """
    target = jobs[0].root / part
    for job in jobs[1:]:
        source = job.root / part
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            place = target / file.relative_to(source)
            if place.exists():
                raise JobError(
                    f"ClientError: several machines left {part}/{file.relative_to(source)}; "
                    "on SageMaker one of them would overwrite the others"
                )
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    return target


class _Stop(threading.Event):
    """Set when the machines of one job are to end, or when its execution is."""

    def __init__(self, execution: threading.Event) -> None:
        super().__init__()
        self._execution = execution

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set() or self._execution.wait(timeout) or self.is_set()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((FIRST, 0))
        port: int = probe.getsockname()[1]
        return port


def _loopback() -> str:
    """Its name differs between systems: lo, lo0."""
    return next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "lo")
