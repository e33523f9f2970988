# SPDX-License-Identifier: Apache-2.0
"""Messages of a camera: what is written is what is read, and a wrong field is named."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from jsonschema import Draft202012Validator

from contracts.detection import DETECTION_COLUMNS, Detection
from contracts.messages import ModelName, timestamp
from contracts.schemas import FOLDER, PUBLISHED, text_of
from contracts.telemetry import Answer, Telemetry

DETECTION = Detection(
    thing="cam-1",
    sequence=7,
    observed_at="2026-11-22T14:03:07.125Z",
    class_name="glass",
    bin="recycling",
    confidence=0.875,
    unsure=True,
    bin_confidence=0.9,
    model=ModelName(digest="ab" * 32, version="1.2.3"),
    frames=6,
    latency_ms=12.5,
)
TELEMETRY = Telemetry(
    thing="cam-1",
    observed_at="2026-11-22T14:03:07.125Z",
    reason="interval",
    fps=14.9,
    p50_ms=4.1,
    p99_ms=9.0,
    frames=900,
    dropped=3,
    bad_frames=1,
    detections=12,
    undelivered=0,
    model=None,
    source="v4l2:/dev/video0",
    source_state="lost",
    uptime_s=60.0,
    temperature_c=None,
    problem="the camera does not answer",
)


def test_a_detection_survives_the_wire():
    assert Detection.from_json(json.loads(json.dumps(DETECTION.to_json()))) == DETECTION


def test_the_tables_columns_are_the_messages_keys_in_order():
    assert [column.name for column in DETECTION_COLUMNS] == list(DETECTION.to_json())


def test_a_detection_of_an_older_camera_is_read():
    message = DETECTION.to_json()
    del message["unsure"], message["bin_confidence"]
    assert Detection.from_json(message) == replace(DETECTION, unsure=False, bin_confidence=None)


@pytest.mark.parametrize("key", Detection.schema()["required"])
def test_a_missing_field_of_a_detection_is_named(key):
    message = DETECTION.to_json()
    del message[key]
    with pytest.raises(ValueError, match=f"'{key}'"):
        Detection.from_json(message)


@pytest.mark.parametrize(
    ("key", "value"),
    [("schema", 2), ("bin", 7), ("sequence", "7"), ("confidence", True), ("model", "m")],
)
def test_a_wrong_field_of_a_detection_is_named(key, value):
    with pytest.raises(ValueError, match=f"'{key}'"):
        Detection.from_json({**DETECTION.to_json(), key: value})


def test_counts_by_class_survive_the_wire_and_a_wrong_one_is_named():
    counted = replace(TELEMETRY, classes={"glass": 3, "unsure": 1})
    message = json.loads(json.dumps(counted.to_json()))
    assert Telemetry.from_json(message) == counted
    for wrong in (-1, 1.5, "3", True):
        with pytest.raises(ValueError, match="'classes': 'glass' is"):
            Telemetry.from_json({**message, "classes": {"glass": wrong}})
    with pytest.raises(ValueError, match="'classes'"):
        Telemetry.from_json({**message, "classes": ["glass"]})


def test_telemetry_survives_the_wire_and_leaves_absent_values_out():
    message = json.loads(json.dumps(TELEMETRY.to_json()))
    assert "model" not in message
    assert "temperature_c" not in message
    assert Telemetry.from_json(message) == TELEMETRY
    healthy = replace(TELEMETRY, model=DETECTION.model, problem=None, temperature_c=51.0)
    assert Telemetry.from_json(healthy.to_json()) == healthy
    assert "problem" not in healthy.to_json()


def test_telemetry_of_an_unknown_state_is_refused():
    with pytest.raises(ValueError, match="source_state"):
        Telemetry.from_json({**TELEMETRY.to_json(), "source_state": "dreaming"})


def test_times_are_utc_with_milliseconds():
    moment = datetime(2026, 11, 22, 15, 3, 7, 125999, tzinfo=timezone(timedelta(hours=1)))
    assert timestamp(moment) == "2026-11-22T14:03:07.125Z"
    assert timestamp(moment.astimezone(UTC)) == timestamp(moment)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_schemas_are_current(name):
    """`python -m contracts.schemas` writes them."""
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text_of(name)
    assert {path.stem for path in FOLDER.iterdir()} == set(PUBLISHED)
    Draft202012Validator.check_schema(json.loads(text_of(name)))


def validator(name):
    return Draft202012Validator(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "message",
    [
        TELEMETRY,
        replace(TELEMETRY, model=DETECTION.model, problem=None, temperature_c=51.0),
        replace(TELEMETRY, answer=Answer(command="pause", accepted=True, detail="paused", id="7")),
    ],
)
def test_telemetry_is_valid_by_its_schema(message):
    validator("telemetry").validate(message.to_json())


def test_what_the_reader_refuses_the_schema_refuses_as_well():
    wrong = [("schema", 2), ("bin", 7), ("sequence", "7"), ("confidence", 1.5), ("model", "m")]
    detection = DETECTION.to_json()
    validator("detection").validate(detection)
    for key, value in wrong:
        for message in (
            {**detection, key: value},
            {k: v for k, v in detection.items() if k != key},
        ):
            assert not validator("detection").is_valid(message)
            with pytest.raises(ValueError, match=f"'{key}'"):
                Detection.from_json(message)


def test_a_newer_camera_may_send_more():
    message = {**TELEMETRY.to_json(), "new_field": 1}
    validator("telemetry").validate(message)
    assert Telemetry.from_json(message) == TELEMETRY
