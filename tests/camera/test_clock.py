# SPDX-License-Identifier: Apache-2.0
"""The wall clock of a camera jumps: when it first hears of the network, or by hand."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from camera import captures as captures_module
from camera.messaging import detection_publisher as reporter_module
from camera.messaging import sequence as sequence_module
from camera.messaging import status as status_module
from tests.camera import tiny
from tests.camera.conftest import running, show, wait_for
from tests.camera.test_program import install

STEPS = [timedelta(), timedelta(days=365), timedelta(days=-3650), timedelta(hours=1)]


@pytest.fixture
def clock(monkeypatch):
    """``step`` is how far the wall clock is off; the monotonic clock knows nothing of it."""
    clock = SimpleNamespace(step=timedelta())

    class Stepped(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + clock.step

    for module in (reporter_module, status_module):
        monkeypatch.setattr(module, "datetime", Stepped)
    real = time.time_ns
    stepped = SimpleNamespace(
        **{name: getattr(time, name) for name in ("monotonic", "sleep")},
        time_ns=lambda: real() + int(clock.step.total_seconds() * 1e9),
    )
    for module in (captures_module, sequence_module):
        monkeypatch.setattr(module, "time", stepped)
    return clock


def test_items_are_reported_once_and_in_order_whatever_the_clock_does(
    clock, settings, publisher, models, lens
):
    install(settings, *models["good"])
    with running(settings, publisher):
        for number, step in enumerate(STEPS):
            clock.step = step
            told = len(publisher.of("telemetry"))
            show(lens, f"{number}.jpg", tiny.photo(tiny.LABELS[number % 3], seed=number))
            wait_for(lambda n=number: len(publisher.of("detections")) == n + 1)
            wait_for(lambda n=told: len(publisher.of("telemetry")) > n)
    found = publisher.of("detections")
    assert [each["class"] for each in found] == [tiny.LABELS[n % 3] for n in range(len(STEPS))]
    sequences = [each["sequence"] for each in found]
    assert sequences == sorted(set(sequences))
    for each, step in zip(found, STEPS, strict=True):
        off = datetime.fromisoformat(each["observed_at"]) - datetime.now(UTC) - step
        assert abs(off) < timedelta(minutes=1)
        assert 0 <= each["latency_ms"] < 60_000
    uptimes = [each["uptime_s"] for each in publisher.of("telemetry")]
    assert uptimes == sorted(uptimes)
    assert all(0 <= each["fps"] < 100_000 for each in publisher.of("telemetry"))


def test_the_hour_s_room_for_captures_does_not_follow_the_clock(clock, tmp_path):
    captures = captures_module.Captures(tmp_path, thing="cam", unsure_below=1, per_hour=2)
    assert [captures._room() for _ in range(3)] == [True, True, False]
    clock.step = timedelta(days=2)
    assert not captures._room()
