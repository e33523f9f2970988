# SPDX-License-Identifier: Apache-2.0
"""Runs the container of a Processing or Training job as a local process.

The container's /opt/ml becomes a folder of the job; its image is the project's own Python
environment. The process gets a clean environment and a process group of its own, which dies with
the server.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ministack_edge.enforcement.actors import Actor, credentials
from ministack_edge.enforcement.storage import Storage

CONTAINER_ROOT = "/opt/ml"
WATCHDOG = Path(__file__).resolve().parents[1] / "parent_watchdog.py"
STOP_GRACE_SECONDS = 5.0
POLL_SECONDS = 0.05
LAST_LINES = 12


class JobError(Exception):
    """The job failed; the text is the FailureReason that the API shows."""


class JobInterruptedError(JobError):
    """Something ended the container by SIGTERM: on AWS, a spot machine that was taken back."""


class JobStoppedError(Exception):
    """The job was stopped on request."""


@dataclass(frozen=True)
class JobContext:
    """Who runs the job and where its folders are."""

    account: str
    region: str
    endpoint: str
    stop: threading.Event
    execution: str
    """The id of the pipeline's execution, which jobs carry in their names."""
    pipeline: Actor
    """The pipeline's role, which starts the jobs."""


@dataclass
class LocalJob:
    """One container run: its folder stands for the container's file system."""

    folder: Path
    context: JobContext
    environment: dict[str, str] = field(default_factory=dict)
    actor: Actor | None = None
    """The job's role: what the container and its data do, they do as this role."""
    note: str = ""
    """Said at the top of the log: what the local AWS does otherwise than it was told."""

    @property
    def storage(self) -> Storage:
        """S3 as the job's role sees it."""
        return Storage(self.actor or self.context.pipeline)

    @property
    def root(self) -> Path:
        """What the container sees as /opt/ml."""
        return self.folder / "opt" / "ml"

    @property
    def log(self) -> Path:
        """Everything the process printed."""
        return self.folder / "log.txt"

    def path(self, container_path: str) -> Path:
        """Where a path of the container is on this machine."""
        return Path(self.translate(container_path))

    def translate(self, text: str) -> str:
        """The text with the container's /opt/ml replaced by the job's folder."""
        return text.replace(CONTAINER_ROOT, str(self.root))

    def prepare(self, *, keep_log: bool = False) -> None:
        """An empty folder, also when an earlier run of the same id left one."""
        shutil.rmtree(self.root if keep_log else self.folder, ignore_errors=True)
        for part in ("input/config", "output", "tmp"):
            (self.root / part).mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as log:
            if keep_log:
                print("local AWS: the machine was taken back; the job begins anew", file=log)
            if self.note:
                print(f"local AWS: {self.note}", file=log)

    def run(self, command: Sequence[str], *, timeout: float) -> None:
        """Run to the end; raises JobError with the container's own reason if it fails."""
        # Isolated: the guard needs no packages and must not obey PYTHON* variables.
        guarded = [sys.executable, "-I", "-S", str(WATCHDOG), *map(self.translate, command)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                guarded,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                self._wait(process, timeout=timeout)
            finally:
                _end(process)
        if process.returncode == 128 + signal.SIGTERM:
            raise JobInterruptedError("AlgorithmError: ended by SIGTERM, exit code: 143")
        if process.returncode != 0:
            raise JobError(f"AlgorithmError: {self._reason()}, exit code: {process.returncode}")

    def log_lines(self) -> list[str]:
        """The printed lines, undecodable bytes replaced."""
        if not self.log.exists():
            return []
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()

    def _wait(self, process: subprocess.Popen[bytes], *, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while process.poll() is None:
            if self.context.stop.wait(POLL_SECONDS):
                raise JobStoppedError
            if time.monotonic() > deadline:
                raise JobError(f"ClientError: stopped after MaxRuntimeInSeconds = {timeout:g}")

    def _environment(self) -> dict[str, str]:
        """Nothing of the server's own environment but the way to the tools."""
        python = str(Path(sys.executable).parent)
        return {
            "PATH": os.pathsep.join([python, "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(self.folder),
            "TMPDIR": str(self.root / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            # The Python is the project's own: a job that lacks a package fails and changes nothing.
            "PIP_NO_INDEX": "1",
            "AWS_REGION": self.context.region,
            "AWS_DEFAULT_REGION": self.context.region,
            "AWS_ENDPOINT_URL": self.context.endpoint,
            **credentials(self.actor or self.context.pipeline),
            "AWS_EC2_METADATA_DISABLED": "true",
            **{key: self.translate(value) for key, value in self.environment.items()},
        }

    def _reason(self) -> str:
        """What the container wrote for its caller, else the end of its log."""
        for name in ("output/failure", "output/message"):
            file = self.root / name
            if file.is_file() and (text := file.read_text(errors="replace").strip()):
                return text[:1024]
        lines = [line for line in self.log_lines() if line.strip()][-LAST_LINES:]
        return "\n".join(lines)[-1024:] or "the container printed nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of the group behind, whether the job ended by itself or not."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_GRACE_SECONDS)
    # Also after a normal end: what the command left in the background goes with it.
    _signal(process, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        # Already gone (macOS answers EPERM for a group of zombies).
        return


def job_environment(arguments: Mapping[str, object]) -> dict[str, str]:
    """The Environment member of a job, as strings."""
    given = arguments.get("Environment") or {}
    assert isinstance(given, Mapping)  # noqa: S101 - the definition was parsed from JSON objects
    return {str(key): str(value) for key, value in given.items()}
