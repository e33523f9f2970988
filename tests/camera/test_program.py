# SPDX-License-Identifier: Apache-2.0
"""The program as a whole: a folder of photos in, messages out."""

import time
from collections import Counter
from dataclasses import replace

import numpy as np

from camera.model.model_store import ModelStore
from camera.program import Program
from camera.vision.frame_buffer import Frame
from contracts.detection import Detection
from contracts.messages import ModelName
from contracts.telemetry import UNSURE, Telemetry
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
    with running(replace(settings, source="smoke://x"), publisher):
        found = wait_for(
            lambda: [t for t in publisher.of("telemetry") if t["source_state"] == "lost"]
        )
    schemes = "awscam:, dir:, file:, http:, https:, rtsp:, v4l2:"
    assert f"begins with one of {schemes}" in found[0]["problem"]


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
    assert 1 < rated.fps <= 110
    assert 0 < rated.p50_ms <= rated.p99_ms < 10_000
    assert [t.frames for t in told] == sorted(t.frames for t in told)
    assert [t.uptime_s for t in told] == sorted(t.uptime_s for t in told)


def test_a_paused_camera_reports_nothing_until_it_is_resumed(settings, publisher, models, lens):
    install(settings, *models["good"])
    with running(settings, publisher) as program:
        program.loop.paused.set()
        wait_for(lambda: publisher.state.get("source_state") == "paused")
        frames = publisher.state["frames"]
        show(lens, "1.jpg", tiny.photo("glass"))
        wait_for(lambda: publisher.state["reason"] == "interval")
        assert publisher.state["frames"] <= frames + 1
        assert publisher.of("detections") == []
        program.loop.paused.clear()
        show(lens, "2.jpg", tiny.photo("paper"))
        wait_for(lambda: publisher.of("detections"))
    assert [message["class"] for message in publisher.of("detections")] == ["paper"]


def test_a_camera_that_delivers_only_rubbish_is_a_problem(settings, publisher, models, lens):
    install(settings, *models["good"])
    show(lens, "1.jpg", b"rubbish")
    with running(replace(settings, source=f"dir:{lens}?hold=10000&fps=500"), publisher):
        found = wait_for(lambda: [t for t in publisher.of("telemetry") if t.get("problem")])
        assert "no usable frame among the last 50" in found[0]["problem"]


def test_damaged_frames_of_every_kind_are_counted_and_the_next_good_item_is_seen(
    settings, publisher, models, lens
):
    """A short form of the fuzz run; deterministic."""
    install(settings, *models["good"])
    random = np.random.default_rng(11)
    program = Program(settings, publisher=publisher)
    program._load_current()
    good = tiny.photo("paper")

    def look(jpeg):
        program.loop.process(Frame(jpeg=jpeg, captured_at=time.monotonic()))

    look(tiny.empty())
    for _ in range(600):
        damaged = bytearray(good)
        for _ in range(int(random.integers(1, 12))):
            damaged[int(random.integers(len(damaged)))] ^= 1 << int(random.integers(8))
        if random.random() < 0.4:
            start, end = sorted(random.integers(0, len(damaged), 2))
            del damaged[start:end]
        look(bytes(damaged))
    look(tiny.empty())
    program.loop._items.leave()
    before = program.status.telemetry(reason="", model=None, dropped=0, undelivered=0)
    assert before.frames == 602
    assert before.bad_frames > 200
    assert before.problem is None
    for jpeg in [tiny.empty()] * 3 + [tiny.photo("trash")] * 6 + [tiny.empty()] * 4:
        look(jpeg)
    after = program.status.telemetry(reason="", model=None, dropped=0, undelivered=0)
    assert after.detections == before.detections + 1
    grown = Counter(after.classes) - Counter(before.classes or {})
    assert grown in ({"trash": 1}, {UNSURE: 1})
    assert sum(after.classes.values()) == after.detections


def test_a_recording_that_was_shown_is_ended_and_not_lost(settings, publisher, lens):
    show(lens, "1.jpg", tiny.photo("glass"))
    with running(replace(settings, source=f"dir:{lens}?fps=0"), publisher):
        wait_for(lambda: publisher.state.get("source_state") == "ended")
    assert "over" not in publisher.state.get("problem", "")
    assert Telemetry.from_json(publisher.of("telemetry")[-1]).source_state == "ended"
