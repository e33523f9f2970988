# SPDX-License-Identifier: Apache-2.0
"""Runs commands where every name they look up is written down."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

WATCHED = Path(__file__).with_name("watched.py")
NO_NAMESPACE = 125
PLAIN = {"PATH", "LANG", "LC_ALL", "TMPDIR"}
"""What a command gets of this process's environment. Not CI: some libraries keep still there."""


@dataclass(frozen=True)
class Run:
    """A watched command that has ended."""

    status: int
    output: str
    asked: frozenset[str]
    """Names that were looked up and addresses that packets were sent to, none of this machine."""
    home: Path
    """Its home folder: what a library leaves there to know the device again."""


@dataclass
class Watch:
    """Starts commands, each in a network of its own; ``run`` waits for one of them."""

    folder: Path
    stack: ExitStack

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, seconds: float
    ) -> "Started":
        """Start a command, which gets SIGTERM after so many seconds (0: when it likes)."""
        folder = self.folder / name
        home = folder / "home"
        home.mkdir(parents=True)
        given = {key: os.environ[key] for key in PLAIN if key in os.environ}
        given["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), given["PATH"]])
        ended = ["timeout", "--signal=TERM", "--kill-after=10", str(seconds)] if seconds else []
        log = (folder / "log").open("w+", encoding="utf-8")
        self.stack.callback(log.close)
        process = subprocess.Popen(
            [sys.executable, str(WATCHED), str(folder / "seen.jsonl"), *ended, *command],
            cwd=ROOT,
            env={**given, "HOME": str(home), **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        self.stack.callback(process.kill)
        return Started(folder, process)


@dataclass
class Started:
    """A watched command that runs."""

    folder: Path
    process: "subprocess.Popen[bytes]"

    def ended(self, timeout: float = 600) -> Run:
        """Wait for it. Skips where this machine gives no network namespace."""
        status = self.process.wait(timeout)
        output = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
        if status == NO_NAMESPACE:
            pytest.skip(output.strip().splitlines()[-1])
        seen = self.folder / "seen.jsonl"
        lines = [json.loads(line) for line in seen.read_text(encoding="utf-8").splitlines()]
        asked = frozenset(value for line in lines for value in line.values())
        return Run(status, output, asked, self.folder / "home")


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """A watch whose commands end with the module."""
    if shutil.which("ip") is None:
        pytest.skip("no network namespace here: `ip` (iproute2) is not installed")
    with ExitStack() as stack:
        yield Watch(tmp_path_factory.mktemp("watched"), stack)


def left_behind(run: Run) -> list[str]:
    """Files in the home folder that name the device to a library's makers."""
    return [str(path) for path in run.home.rglob("*") if "deviceid" in path.name.lower()]
