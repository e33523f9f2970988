# SPDX-License-Identifier: Apache-2.0
"""What tests of several parts need."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from contracts.silence import keep_silent

# The first example pays for importing native code; on a busy machine any of them is slow.
hypothesis.settings.register_profile("binsight", deadline=None)
hypothesis.settings.load_profile("binsight")

# Some tests import onnxruntime themselves.
keep_silent()

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BINSIGHT_SHARED", ROOT.parent / "shared"))

# Folders whose tests share something costly that is made once per worker.
ONE_WORKER = ("tests/synth", "tests/training")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file, or a costly folder, stays on one worker: tests of a file may build on each other.

    xdist's own `loadgroup` does this by writing into node ids, which pytest 9.2 no longer lets it:
    its groups are silently ignored.
    """
    return _ByPart(config, log)


class _ByPart(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return folder if folder in ONE_WORKER else file


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def trashnet() -> Path:
    """Real photos in class folders where this machine has them; BINSIGHT_SHARED says where."""
    folder = SHARED / "trashnet" / "train"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: real photos are not part of the project")
    return folder


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show what tests measured: each calls ``record_property("shown", text)``.

    What a test prints is lost when it passes on a worker of xdist; its report is not.
    """
    texts = [
        str(value)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in getattr(report, "user_properties", ())
        if name == "shown" and report.when == "call"
    ]
    if texts:
        terminalreporter.section("measured")
        terminalreporter.write_line("\n\n".join(dict.fromkeys(texts)))


@pytest.fixture
def sigint_arrives() -> Iterator[None]:
    """Children get SIGINT even where this run ignores it, as a shell's background job does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
