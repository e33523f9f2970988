# SPDX-License-Identifier: Apache-2.0
"""In which order the workers of ``make test`` get their files, and what FAST=1 leaves out."""

import argparse
from types import SimpleNamespace
from typing import Any

import pytest

from tests import conftest

FILES = {"tests/a/test_many.py": 5, "tests/a/test_slow.py": 1, "tests/synth/test_x.py": 2}


class Worker:
    """Records what the scheduler sends, as xdist's controller of a worker would send it."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.config = SimpleNamespace(option=argparse.Namespace(numprocesses=1))
        self.shutting_down = False
        self.sent: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.sent += indices

    def shutdown(self) -> None:
        self.shutting_down = True


class Cache:
    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str, default: Any) -> Any:
        return self.kept.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.kept[key] = value


def parts_in_order(seconds: dict[str, float]) -> list[str]:
    """The parts as one worker gets them when the last run took ``seconds``."""
    cache = Cache()
    cache.set(conftest.SECONDS, seconds)
    options = argparse.Namespace(tx=["popen"], loadscopereorder=True, maxprocesses=1, verbose=0)
    config: Any = SimpleNamespace(
        cache=cache, option=options, getvalue=lambda name: getattr(options, name)
    )
    scheduler = conftest.pytest_xdist_make_scheduler(config, None)
    scheduler.numnodes = 1
    worker: Any = Worker("gw0")
    tests = [f"{file}::test_{n}" for file, count in FILES.items() for n in range(count)]
    scheduler.add_node(worker)
    scheduler.add_node_collection(worker, tests)
    scheduler.schedule()
    done = 0
    while done < len(worker.sent):
        scheduler.mark_test_complete(worker, worker.sent[done])
        done += 1
    assert sorted(worker.sent) == list(range(len(tests)))
    return list(dict.fromkeys(tests[index].partition("::")[0] for index in worker.sent))


def test_the_slowest_part_of_the_last_run_comes_first() -> None:
    took = {"tests/a/test_many.py": 1.0, "tests/a/test_slow.py": 30.0, "tests/synth": 2.0}
    assert parts_in_order(took) == [
        "tests/a/test_slow.py",
        "tests/synth/test_x.py",
        "tests/a/test_many.py",
    ]


def test_a_part_without_a_time_comes_before_all_others() -> None:
    assert parts_in_order({"tests/a/test_many.py": 1.0, "tests/synth": 2.0}) == [
        "tests/a/test_slow.py",
        "tests/synth/test_x.py",
        "tests/a/test_many.py",
    ]


def test_without_times_the_part_with_the_most_tests_comes_first() -> None:
    assert parts_in_order({}) == sorted(FILES, key=lambda file: -FILES[file])


def test_a_run_keeps_the_seconds_of_setup_and_call_by_part() -> None:
    def report(nodeid: str, duration: float) -> pytest.TestReport:
        return pytest.TestReport(nodeid, ("", 0, ""), {}, "passed", None, "call", duration=duration)

    stats = {
        "": [report("tests/synth/test_x.py::test_a", 2.0)],
        "passed": [
            report("tests/synth/test_y.py::test_b", 1.0),
            report("tests/a/test_many.py::t", 4.0),
        ],
        "warnings": ["no report"],
    }
    cache = Cache()
    cache.set(conftest.SECONDS, {"tests/a/test_many.py": 9.0, "tests/a/test_slow.py": 1.0})
    plugins = SimpleNamespace(get_plugin=lambda _: SimpleNamespace(stats=stats))
    session: Any = SimpleNamespace(config=SimpleNamespace(cache=cache, pluginmanager=plugins))
    conftest.pytest_sessionfinish(session)
    assert cache.kept[conftest.SECONDS] == {
        "tests/synth": 3.0,
        "tests/a/test_many.py": 9.0,  # only some of its tests ran
        "tests/a/test_slow.py": 1.0,
    }


def test_every_slow_test_is_still_there() -> None:
    for name in conftest.SLOW:
        file, _, test = name.partition("::")
        text = (conftest.ROOT / file).read_text(encoding="utf-8")
        assert f"def {test.partition('[')[0]}(" in text, name
