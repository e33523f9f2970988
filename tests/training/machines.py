# SPDX-License-Identifier: Apache-2.0
"""Two machines as SageMaker makes them, from network namespaces of this one.

Each has an interface of its own, reaches the other by the names algo-1 and algo-2, and calls
itself `aws`, which resolves nowhere. Needs root and iproute2.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.training.steps import ROOT, environment

INTERFACE = "eth0"
_numbers = itertools.count()


@dataclass(frozen=True)
class Machine:
    """One of the two; ``root`` stands for its /opt/ml."""

    name: str
    namespace: str
    hosts_file: Path
    root: Path

    def start(self, *command: str, **extra: str) -> subprocess.Popen[str]:
        """Start a program on it, with the network and the host name of the machine."""
        script = 'hostname aws; mount --bind "$1" /etc/hosts; shift; exec "$@"'
        isolated = ["ip", "netns", "exec", self.namespace, "unshare", "--uts", "--mount"]
        return subprocess.Popen(
            [*isolated, "bash", "-ec", script, "-", str(self.hosts_file), *command],
            cwd=ROOT,
            env=environment(SAGEMAKER_BASE_DIR=str(self.root), **extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def impossible() -> str:
    """Why this system cannot make such machines; empty where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need Linux and root"
    missing = [name for name in ("ip", "unshare", "mount") if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    with suppress(subprocess.CalledProcessError), two_machines(Path("/nonexistent")):
        return ""
    return "this system does not let us make network namespaces"


@contextmanager
def two_machines(folder: Path) -> Iterator[tuple[Machine, Machine]]:
    """Make both; they are gone at the end, with whatever still runs on them."""
    number = next(_numbers)
    spaces = [f"binsight-{os.getpid()}-{number}-{place}" for place in (1, 2)]
    ends = [f"b{os.getpid()}.{number}.{place}" for place in (1, 2)]
    made: list[str] = []
    try:
        for space in spaces:
            _ip("netns", "add", space)
            made.append(space)
        _ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for place, (space, end) in enumerate(zip(spaces, ends, strict=True), start=1):
            _ip("link", "set", end, "netns", space)
            _ip("-n", space, "link", "set", end, "name", INTERFACE)
            _ip("-n", space, "addr", "add", f"10.233.0.{place}/24", "dev", INTERFACE)
            for up in ("lo", INTERFACE):
                _ip("-n", space, "link", "set", up, "up")
        first, second = (
            Machine(f"algo-{place}", space, folder / "hosts", folder / f"algo-{place}")
            for place, space in enumerate(spaces, start=1)
        )
        yield first, second
    finally:
        for space in made:
            running = _ip("netns", "pids", space).split()
            if running:
                subprocess.run(["kill", "-KILL", *running], check=False)
            _ip("netns", "del", space)


def write_job(machine: Machine, hyperparameters: dict[str, str], prepared: Path) -> None:
    """The folders and documents of a training job, as SageMaker leaves them on each machine."""
    machine.hosts_file.write_text("127.0.0.1 localhost\n10.233.0.1 algo-1\n10.233.0.2 algo-2\n")
    config = machine.root / "input" / "config"
    for made in (config, machine.root / "input" / "data", machine.root / "output"):
        made.mkdir(parents=True)
    (machine.root / "input" / "data" / "prepared").symlink_to(prepared)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    resources = {
        "current_host": machine.name,
        "hosts": ["algo-1", "algo-2"],
        "network_interface_name": INTERFACE,
    }
    (config / "resourceconfig.json").write_text(json.dumps(resources))


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)
    return done.stdout
