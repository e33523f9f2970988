# SPDX-License-Identifier: Apache-2.0
"""The program as a whole: a folder of photos in, messages out."""

from dataclasses import replace

from camera.models import ModelStore
from contracts.detection import Detection
from contracts.messages import ModelName
from contracts.telemetry import Telemetry
from tests.camera import tiny
from tests.camera.conftest import running, show, wait_for


def install(settings, archive, digest, version="1.0.1"):
    store = ModelStore(settings.model_folder, threads=1)
    store.prepare()
    store.commit(store.stage(archive, name=ModelName(digest, version)))


def test_each_photo_is_reported_once_also_two_alike_in_a_row(settings, publisher, models, lens):
    install(settings, *models["good"])
    shown = ["glass", "glass", "paper", "trash", "trash", "trash"]
    for number, label in enumerate(shown):
        show(lens, f"{number}.jpg", tiny.photo(label, seed=number))
    with running(settings, publisher):
        wait_for(lambda: len(publisher.of("detections")) >= len(shown))
        show(lens, "6.jpg", tiny.photo("paper"))
        wait_for(lambda: len(publisher.of("detections")) > len(shown))
    messages = publisher.of("detections")
    detections = [Detection.from_json(message) for message in messages]
    assert [d.class_name for d in detections] == [*shown, "paper"]
    assert [d.bin for d in detections] == ["recycling"] * 3 + ["landfill"] * 3 + ["recycling"]
    assert [d.sequence for d in detections] == [1, 2, 3, 4, 5, 6, 7]
    assert {d.model for d in detections} == {ModelName(models["good"][1], "1.0.1")}
    assert {d.frames for d in detections} == {settings.smoothing_frames}
    assert all(d.confidence > 0.9 and d.thing == "cam-1" for d in detections)
    assert all(0 <= d.latency_ms < 5000 for d in detections)
    assert {topic for topic, _ in publisher.messages} == {
        "binsight-test/cam-1/detections",
        "binsight-test/cam-1/telemetry",
    }


def test_sequence_numbers_are_never_used_twice(settings, publisher, models, lens):
    install(settings, *models["good"])
    for restart in range(3):
        show(lens, f"{restart}.jpg", tiny.photo("glass"))
        (lens / f"{restart - 1}.jpg").unlink(missing_ok=True)
        with running(settings, publisher):
            wait_for(lambda n=restart: len(publisher.of("detections")) > n)
    numbers = [message["sequence"] for message in publisher.of("detections")]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 3


def test_a_corrupt_photo_is_skipped_and_counted(settings, publisher, models, lens):
    install(settings, *models["good"])
    show(lens, "1.jpg", tiny.photo("glass"))
    show(lens, "2.jpg", tiny.photo("paper")[:3000])
    show(lens, "3.jpg", b"")
    show(lens, "4.jpg", b"not a picture at all" * 100)
    show(lens, "5.jpg", tiny.photo("trash"))
    with running(settings, publisher):
        wait_for(lambda: len(publisher.of("detections")) == 2)
        wait_for(lambda: publisher.state.get("bad_frames") == 18)
    assert [message["class"] for message in publisher.of("detections")] == ["glass", "trash"]


def test_without_a_model_it_says_so_and_reports_nothing(settings, publisher, lens):
    show(lens, "1.jpg", tiny.photo("glass"))
    with running(settings, publisher) as program:
        wait_for(
            lambda: (
                program.status.telemetry(reason="", model=None, dropped=0, undelivered=0).frames
                > 12
            )
        )
        found = wait_for(lambda: [t for t in publisher.of("telemetry") if "problem" in t])
    telemetry = Telemetry.from_json(found[-1])
    assert telemetry.problem == "no model adopted yet"
    assert telemetry.model is None
    assert telemetry.source_state == "streaming"
    assert publisher.of("detections") == []


def test_a_source_that_cannot_exist_is_told_and_ends_nothing(settings, publisher):
    with running(replace(settings, source="rtsp://x"), publisher):
        found = wait_for(
            lambda: [t for t in publisher.of("telemetry") if t["source_state"] == "lost"]
        )
    assert "this version reads dir:, file:, v4l2:" in found[0]["problem"]


def test_a_lost_source_comes_back(settings, publisher, models, lens):
    install(settings, *models["good"])
    away = lens.with_name("away")
    with running(settings, publisher):
        wait_for(
            lambda: publisher.of("telemetry") and publisher.state.get("source_state") == "streaming"
        )
        lens.rename(away)
        wait_for(lambda: publisher.state.get("source_state") == "lost")
        assert "No such file" in publisher.state.get("problem")
        away.rename(lens)
        show(lens, "1.jpg", tiny.photo("glass"))
        wait_for(lambda: publisher.of("detections"))
        wait_for(lambda: publisher.state.get("source_state") == "streaming")
        assert "problem" not in publisher.state


def test_telemetry_comes_at_the_interval_and_has_rates(settings, publisher, models, lens):
    install(settings, *models["good"])
    with running(replace(settings, source=f"dir:{lens}?follow=1&fps=100"), publisher):
        show(lens, "1.jpg", tiny.photo("glass"))
        wait_for(lambda: [t for t in publisher.of("telemetry") if t["p99_ms"]])
        wait_for(lambda: publisher.state["reason"] == "interval")
    told = [Telemetry.from_json(message) for message in publisher.of("telemetry")]
    assert told[0].reason == "change"
    rated = next(t for t in told if t.p99_ms)
    assert 20 < rated.fps <= 110
    assert 0 < rated.p50_ms <= rated.p99_ms < 1000
    assert [t.frames for t in told] == sorted(t.frames for t in told)
    assert [t.uptime_s for t in told] == sorted(t.uptime_s for t in told)
