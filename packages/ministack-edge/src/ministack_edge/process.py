# SPDX-License-Identifier: Apache-2.0
"""Starts and stops the local AWS, and tells clients how to reach it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from contracts.silence import SILENT
from rehearsal.only_local import LOOPBACK, only_local

HOST = "127.0.0.1"
DEFAULT_PORT = 4566
START_SECONDS = 60.0
STOP_SECONDS = 15.0
LOG_TAIL_BYTES = 2000
ROOT_SECRET = "local"  # noqa: S105 - the root user of a local account, on loopback only
"""Secret access key of a 12-digit access key, which is the root user of that account."""
SERVER = "ministack_edge.server"
ROOT = Path(__file__).resolve().parents[4]
# What a process needs from the person's environment, and nothing else.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An access key of a person, or of the root user of an account."""

    access_key: str
    secret_key: str


def root(account: str) -> Credentials:
    """The root user of an account: its 12 digits are an access key here."""
    return Credentials(access_key=account, secret_key=ROOT_SECRET)


class LocalAwsError(RuntimeError):
    """The local AWS cannot start; the message says why and what to do."""


class LocalAws:
    """A running local AWS: `with LocalAws(port=4566, work=folder) as aws: ...`.

    It decides every call by the policies that apply to it. ``enforce=False`` lets everybody do
    everything: for tests of a service whose roles are made up.
    """

    def __init__(
        self,
        *,
        port: int = DEFAULT_PORT,
        work: Path,
        log_level: str = "WARNING",
        lifeline: bool = True,
        weights: Path | None = None,
        enforce: bool = True,
        quota: str = "",
    ) -> None:
        self.port = port
        self.lifeline = lifeline
        self.weights = weights
        self.enforce = enforce
        self.quota = quota
        self.work = work.resolve()
        self.log_level = log_level
        self._process: subprocess.Popen[bytes] | None = None

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
        return self.work / "local-aws.pid"

    def job_folder(self, pipeline: str, execution_id: str, step: str) -> Path:
        """Where a pipeline step ran; `log.txt` in it is what the step printed."""
        return self.work / "jobs" / pipeline / execution_id / step

    def client_environment(
        self, *, account: str, region: str, person: Credentials | None = None
    ) -> dict[str, str]:
        """The environment for cdk, aws and boto3 that leads here and nowhere else.

        ``person`` is who acts; the root user of the account without one.
        """
        if not re.fullmatch(r"[0-9]{12}", account):
            raise LocalAwsError(f"account = {account!r} is not a 12-digit account id")
        home = self.work / "client"
        home.mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        acting = person or root(account)
        return {
            **kept,
            "AWS_ENDPOINT_URL": self.endpoint,
            # Every key belongs to one account; the server keeps accounts apart by it.
            "AWS_ACCESS_KEY_ID": acting.access_key,
            "AWS_SECRET_ACCESS_KEY": acting.secret_key,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(home / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
            "NO_PROXY": ",".join(LOOPBACK),
            "no_proxy": ",".join(LOOPBACK),
            # The CLI remembers which account a key belongs to; that must not outlive this server.
            "CDK_HOME": str(home / "cdk"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
            **SILENT,
            "CI": "1",
        }

    def start(self) -> LocalAws:
        """Start the server and wait until it answers."""
        if self._process is not None:
            raise LocalAwsError(f"the local AWS already runs on port {self.port}")
        self.check_port()
        self.work.mkdir(parents=True, exist_ok=True)
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        environment |= {"LOG_LEVEL": self.log_level, "PYTHONDONTWRITEBYTECODE": "1"}
        only_local(environment)
        command = [sys.executable, "-m", SERVER, "--port", str(self.port), "--work", str(self.work)]
        if self.lifeline:
            command.append("--lifeline")
        if self.enforce:
            command.append("--enforce")
        if self.quota:
            command += ["--quota", self.quota]
        if self.weights is not None:
            command += ["--weights", str(self.weights.resolve())]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE if self.lifeline else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches the parent, which then stops this one in order.
                start_new_session=True,
            )
        self.pid_file.write_text(f"{self._process.pid}\n")
        try:
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def enter_stage(self, name: str) -> None:
        """Say what is being done; decisions from now on carry this name."""
        url = f"{self.endpoint}/_binsight/stage/{quote(name)}"
        with urllib.request.urlopen(url, data=b"", timeout=15):  # noqa: S310 - own address
            pass

    def check_port(self) -> None:
        """Raise LocalAwsError where the port is taken; it says by whom and what to do."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                raise LocalAwsError(
                    f"port {self.port} on {HOST} is taken ({error.strerror}). {self._holder()} "
                    f"Choose another with PORT=<number>, for example PORT={self.port + 10}."
                ) from error

    def _holder(self) -> str:
        """Who probably holds the port: an earlier rehearsal of this folder, or something else."""
        try:
            pid = int(self.pid_file.read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            return "Another program, perhaps another rehearsal or ministack, listens there."
        return f"A local AWS of an earlier run may hold it (process {pid}): `make rehearse-down`."

    def _wait_until_healthy(self) -> None:
        assert self._process is not None  # noqa: S101 - called by start only
        health = f"{self.endpoint}/_ministack/health"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise LocalAwsError(
                    f"the local AWS ended at its start (exit code {self._process.returncode}):\n"
                    f"{self._log_tail()}"
                )
            try:
                with urllib.request.urlopen(health, timeout=5) as reply:  # noqa: S310 - own address
                    if reply.status == 200:
                        return
            except (urllib.error.URLError, OSError):
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
            _kill_group(process.pid)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
            self.pid_file.unlink(missing_ok=True)

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


def stop_kept(work: Path) -> str:
    """End a local AWS that was left up in a work folder; return a sentence about it.

    The pid file alone proves nothing: the number may belong to another program by now.
    """
    pid_file = work.resolve() / "local-aws.pid"
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return f"No local AWS was left up in {work}."
    if SERVER in _command_line(pid):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and SERVER in _command_line(pid):
            time.sleep(0.1)
        _kill_group(pid)
    pid_file.unlink(missing_ok=True)
    return f"The local AWS in {work} has ended."


def _command_line(pid: int) -> str:
    """The command line of a process; empty when it is gone."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return ""
    # macOS has no /proc, but always has ps; slim Linux images are the other way round.
    return subprocess.run(
        ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
