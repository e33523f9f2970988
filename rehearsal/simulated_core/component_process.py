# SPDX-License-Identifier: Apache-2.0
"""Processes of a simulated core: the pinned Lambda that stays, the script that ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.errors import RehearsalError

_RUNTIME = Path(__file__).with_name("lambda_runtime.py")
_PATH = "/usr/local/bin:/usr/bin:/bin"
SETTLING_SECONDS = 5.0
"""After so long nucleus lite looks whether a component runs, and calls a deployment successful."""


@dataclass(kw_only=True)
class ComponentProcess:
    """A component that runs until it is stopped."""

    process: subprocess.Popen[bytes]
    log: Path
    ends: bool = False

    @classmethod
    def start_lambda(
        cls, *, package: Path, handler: str, environment: Mapping[str, str], log: Path
    ) -> "ComponentProcess":
        """Start a pinned Lambda from its unpacked package.

        ``-I -S`` keeps the project's own packages out of sight: what is not in the artifact is
        missing, as it would be on a camera.
        """
        with log.open("ab") as output:
            process = subprocess.Popen(
                [base_python(), "-I", "-S", str(_RUNTIME), str(package), handler],
                cwd=package,
                env={**_component_environment(), "PYTHONUNBUFFERED": "1", **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(process=process, log=log)

    @classmethod
    def start_script(
        cls, script: str, *, folder: Path, environment: Mapping[str, str], log: Path
    ) -> "ComponentProcess":
        """Start a component's ``run`` step."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["sh", "-c", script],
                cwd=folder,
                env={**_component_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(process=process, log=log, ends=True)

    def settles(self, name: str, seconds: float) -> bool:
        """Whether it still runs when a nucleus lite looks, after ``seconds``; it may end with 0.

        Raises RehearsalError when it ended with anything else.
        """
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        self.check(name)
        return False

    def check(self, name: str) -> None:
        """Raise if the process has ended by itself, with the end of its log.

        A ``run`` step may end, with 0.
        """
        status = self.process.poll()
        if status is not None and not (self.ends and status == 0):
            raise RehearsalError(
                f"{name} ended with status {self.process.returncode}; {self.log}:\n{tail(self.log)}"
            )

    def stop(self) -> None:
        """End the process: SIGTERM, and SIGKILL when it does not answer in 5 s."""
        stop_group(self.process)


def run_script(
    script: str,
    *,
    folder: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> None:
    """Run a step that must end. Raises RehearsalError if it fails."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["sh", "-c", script],
            cwd=folder,
            env={**_component_environment(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise RehearsalError(f"step did not end in {timeout:.0f} s; {log}") from error
        finally:
            stop_group(process)
    if status:
        raise RehearsalError(f"step ended with status {status}; {log}:\n{tail(log)}")


def stop_group(process: subprocess.Popen[bytes], patience: float = 5) -> None:
    """End a process that leads its own group, and all that it started, even if it has ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def component_path() -> str:
    """Where a component's programs are looked for."""
    return f"{Path(base_python()).parent}:{_PATH}"


def _component_environment() -> dict[str, str]:
    return {"PATH": component_path(), "LANG": "C.UTF-8"}


def base_python() -> str:
    """The interpreter that the project's environment was made from: a camera has no more."""
    return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
