# SPDX-License-Identifier: Apache-2.0
"""Starts and stops the local AWS, and tells clients how to reach it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from ministack_edge import clients
from ministack_edge.clients import AccountError, Credentials
from ministack_edge.pid_file import SERVER, STOP_SECONDS, PidFile, kill_group

HOST = "127.0.0.1"
DEFAULT_PORT = 4566
START_SECONDS = 60.0
LOG_TAIL_BYTES = 2000


class LocalAwsError(RuntimeError):
    """The local AWS cannot start; the message says why and what to do."""


class PortTakenError(LocalAwsError):
    """Something listens on the port."""


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass(kw_only=True)
class LocalAws:
    """A running local AWS: `with LocalAws(port=4566, work=folder) as aws: ...`."""

    work: Path
    """Folder for everything that the server writes: its log, jobs, decisions."""
    port: int = DEFAULT_PORT
    mqtt_port: int = 0
    """Where devices connect with their certificates, by MQTT and by HTTPS; 0: nowhere."""
    enforce: bool = True
    """Decide every call by the policies that apply to it. False lets everybody do everything: for
    tests of a service whose roles are made up."""
    extensions: Sequence[str] = ()
    """What a project plugs in, as ``module:factory=argument`` (see `ministack_edge.extension`)."""
    quota: str = ""
    """Machines that accounts may use, such as ``ml.m5.xlarge for training job usage=0``."""
    buffer_seconds: float = 0
    """How long Firehose collects records for an object; 0: each is an object of its own."""
    lifeline: bool = True
    """End the server when this process ends, however it ends."""
    log_level: str = "WARNING"
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.work = self.work.resolve()

    @property
    def endpoint(self) -> str:
        """The URL of every service. An IP: `*.localhost` does not resolve everywhere."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.work / "local-aws.log"

    @property
    def permissions(self) -> Path:
        """Every decision of the server, a line each (with `enforce`)."""
        return self.work / "permissions.jsonl"

    @property
    def pid_file(self) -> Path:
        """Process id of the running server."""
        return PidFile.of(self.work).path

    def job_folder(self, pipeline: str, execution_id: str, step: str) -> Path:
        """Where a pipeline step ran; `log.txt` in it is what the step printed."""
        return self.work / "jobs" / pipeline / execution_id / step

    def client_environment(
        self, *, account: str, region: str, person: Credentials | None = None
    ) -> dict[str, str]:
        """The environment for cdk, aws and boto3 that leads here and nowhere else.

        ``person`` is who acts; the root user of the account without one. Raises LocalAwsError for
        anything but a 12-digit account.
        """
        try:
            root = clients.root(account)
        except AccountError as error:
            raise LocalAwsError(str(error)) from error
        return clients.client_environment(
            self.endpoint, home=self.work / "client", region=region, acting=person or root
        )

    def start(self) -> LocalAws:
        """Start the server and wait until it answers. Raises LocalAwsError."""
        if self._process is not None:
            raise LocalAwsError(f"the local AWS already runs on port {self.port}")
        self.check_port()
        self.work.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self.work,
                env=self._environment(),
                stdin=subprocess.PIPE if self.lifeline else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches the parent, which then stops this one in order.
                start_new_session=True,
            )
        PidFile.of(self.work).write(self._process.pid)
        try:
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", SERVER, "--port", str(self.port), "--work", str(self.work)]
        for extension in self.extensions:
            command += ["--extension", extension]
        if self.mqtt_port:
            command += ["--mqtt-port", str(self.mqtt_port)]
        if self.lifeline:
            command.append("--lifeline")
        if self.enforce:
            command.append("--enforce")
        if self.quota:
            command += ["--quota", self.quota]
        if self.buffer_seconds:
            command += ["--buffer-seconds", str(self.buffer_seconds)]
        return command

    def _environment(self) -> dict[str, str]:
        # The server imports what this process would: itself from the same place, and extensions.
        path = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path)
        environment = {
            **clients.kept_environment(),
            "PYTHONPATH": path,
            "LOG_LEVEL": self.log_level,
        }
        clients.only_local(environment)
        return environment

    def enter_stage(self, name: str) -> None:
        """Say what is being done; decisions from now on carry this name."""
        url = f"{self.endpoint}/_edge/stage/{quote(name)}"
        with urllib.request.urlopen(url, data=b"", timeout=15):  # noqa: S310 - own address
            pass

    def check_port(self) -> None:
        """Raise PortTakenError where the port is taken; it says by whom."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                raise PortTakenError(
                    f"port {self.port} on {HOST} is taken ({error.strerror}). {self._holder()} "
                    f"Choose another port, for example {self.port + 10}."
                ) from error

    def _holder(self) -> str:
        """Who probably holds the port: an earlier run of this folder, or something else."""
        pid = PidFile.of(self.work).alive()
        if pid is None:
            return "Another program, perhaps another local AWS, listens there."
        return f"A local AWS of an earlier run in {self.work} may hold it (process {pid})."

    def _wait_until_healthy(self) -> None:
        assert self._process is not None  # noqa: S101 - called by start only
        health = f"{self.endpoint}/_ministack/health"
        process = f"{self.endpoint}/_edge/process"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise LocalAwsError(
                    f"the local AWS ended at its start (exit code {self._process.returncode}):\n"
                    f"{self._log_tail()}"
                )
            try:
                with urllib.request.urlopen(process, timeout=5) as reply:  # noqa: S310 - own address
                    # Another server may have taken the port since the check; this one then ends.
                    ours = json.load(reply)["pid"] == self._process.pid
                with urllib.request.urlopen(health, timeout=5) as reply:  # noqa: S310 - own address
                    if ours and reply.status == 200:
                        return
            except (OSError, ValueError, LookupError, TypeError):
                pass
            time.sleep(0.05)
        raise LocalAwsError(
            f"the local AWS did not answer within {START_SECONDS:g} s:\n{self._log_tail()}"
        )

    def _log_tail(self) -> str:
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")

    def stop(self) -> None:
        """End the server and everything it started; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)
        finally:
            kill_group(process.pid)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
            PidFile.of(self.work).remove()

    def detach(self) -> None:
        """Leave the server up when this object goes (with `lifeline=False`): see `stop_kept`."""
        if self.lifeline:
            raise LocalAwsError("a local AWS with a lifeline ends with its parent")
        self._process = None

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> LocalAws:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
