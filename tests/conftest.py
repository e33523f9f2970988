# SPDX-License-Identifier: Apache-2.0
"""What tests of several parts need."""

import gc
import math
import os
import signal
import socket
from collections import defaultdict
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

# One thread each: torch's would wait for each other while other tests have the processor.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What is imported and collected lives until the end: Python need not look for garbage in it.
gc.disable()

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BINSIGHT_SHARED", ROOT.parent / "shared"))

# Folders whose tests share something costly that is made once per worker.
ONE_WORKER = ("tests/synth", "tests/training")


SLOW = frozenset(
    line
    for line in Path(__file__).with_name("slow.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what slow.txt lists; `make test FAST=1` leaves it out (``-m "not slow"``)."""
    for item in items:
        if item.nodeid in SLOW or item.nodeid.partition("[")[0] in SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Look for garbage again, but only among what the tests make."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file, or a costly folder, stays on one worker: tests of a file may build on each other.

    xdist's own `loadgroup` does this by writing into node ids, which pytest 9.2 no longer lets it:
    its groups are silently ignored.
    """
    return _ByPart(config, log)


class _ByPart(LoadScopeScheduling):
    """Gives out first what took longest, so that no worker ends long after the others.

    xdist's own order is by the number of tests, and the slowest files have few. A part with no
    time yet comes before all others.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._seconds = _seconds_of_last_run(config)

    def _split_scope(self, nodeid: str) -> str:
        return _part(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        slowest = max(
            self.workqueue,
            key=lambda part: (self._seconds.get(part, math.inf), len(self.workqueue[part])),
        )
        self.workqueue.move_to_end(slowest, last=False)
        super()._assign_work_unit(node)


def _part(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    folder = file.rpartition("/")[0]
    return folder if folder in ONE_WORKER else file


# Where pytest's cache keeps the seconds of each part.
SECONDS = "binsight/seconds"


def _seconds_of_last_run(config: pytest.Config) -> dict[str, float]:
    """Seconds by part; empty where pytest runs without its cache (``-p no:cacheprovider``)."""
    cache = getattr(config, "cache", None)
    return dict(cache.get(SECONDS, {})) if cache else {}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep how long each part took, for the order of the next run.

    A part of which only some tests ran (``-k``, ``file::test``) would look quick: the longer time
    stays until the part takes longer, or until the cache is cleared.
    """
    config = session.config
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    cache = getattr(config, "cache", None)
    if hasattr(config, "workerinput") or reporter is None or cache is None:
        return
    took: dict[str, float] = defaultdict(float)
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                took[_part(report.nodeid)] += report.duration
    known = _seconds_of_last_run(config)
    for part, seconds in took.items():
        known[part] = round(max(seconds, known.get(part, 0.0)), 2)
    cache.set(SECONDS, known)


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
