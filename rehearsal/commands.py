# SPDX-License-Identifier: Apache-2.0
"""The operator's commands: the programs behind `make`, run with the operator's credentials."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from rehearsal.errors import RehearsalError

COMMAND_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Operator:
    """The person who runs them: the environment's name, the operator's process environment."""

    environment_name: str
    variables: Mapping[str, str]

    def run(
        self,
        module: str,
        *arguments: str,
        named: bool = True,
        seconds: float = COMMAND_SECONDS,
    ) -> list[str]:
        """The lines that a program prints. Raises RehearsalError with its output.

        ``named``: the program takes ``--environment``.
        """
        command = self._command(module, *arguments)
        done = subprocess.run(
            command if named else [sys.executable, "-m", module, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        if done.returncode:
            raise RehearsalError(f"{module} failed: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def start(self, module: str, *arguments: str) -> "subprocess.Popen[str]":
        """A program that runs in the background; its output is on its stdout."""
        return subprocess.Popen(
            self._command(module, *arguments),
            env={**self._environment(), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _command(self, module: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", module, "--environment", self.environment_name, *arguments]

    def _environment(self) -> dict[str, str]:
        # Where this process finds the environments' files, for the programs that it starts.
        name = "BINSIGHT_ENVIRONMENTS"
        folder = {name: os.environ[name]} if name in os.environ else {}
        return {**self.variables, **folder, "PYTHONPATH": os.pathsep.join(sys.path)}
