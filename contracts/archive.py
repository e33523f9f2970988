# SPDX-License-Identifier: Apache-2.0
"""The archive's tables: a folder of the archive bucket, the columns, one JSON object per line."""

from collections.abc import Sequence
from typing import NamedTuple

from contracts.detection import DETECTION_COLUMNS, Column

FIRST_DAY = "2026-01-01"
"""Partitions are looked for from this day to today."""
_RECEIVED = Column("received_ms", "bigint", "When AWS IoT received it, milliseconds since 1970")


class Table(NamedTuple):
    """A table: its name, which is its folder's too, what a row is, and the columns."""

    name: str
    description: str
    columns: Sequence[Column]


DETECTIONS = Table("detections", "One row per sorted item", (*DETECTION_COLUMNS, _RECEIVED))
TELEMETRY = Table(
    "telemetry",
    "How each camera was, once a minute and on change",
    (
        Column("schema", "int", "Version of the message schema"),
        Column("thing", "string", "Name of the camera's IoT thing"),
        Column("observed_at", "string", "The camera's clock, RFC 3339, UTC"),
        Column("reason", "string", "Why it was sent: interval, change or command"),
        Column("fps", "double", "Frames per second since the last message"),
        Column("p50_ms", "double", "Median latency since the last message"),
        Column("p99_ms", "double", "99th percentile of the latency"),
        Column("frames", "bigint", "Frames since the program's start"),
        Column("dropped", "bigint", "Frames that were not looked at, since the start"),
        Column("bad_frames", "bigint", "Frames that could not be read, since the start"),
        Column("detections", "bigint", "Items since the start"),
        Column("undelivered", "bigint", "Detections that wait for delivery"),
        Column("model", "struct<digest:string,version:string>", "The model that runs"),
        Column("program", "string", "Version of the camera program"),
        Column("site", "string", "Where the camera stands"),
        Column("drift", "double", "How far the pictures are from those of the training"),
        Column("source", "string", "Where frames come from"),
        Column("source_state", "string", "starting, streaming, lost, paused or ended"),
        Column("uptime_s", "double", "Seconds since the program's start"),
        Column("temperature_c", "double", "Degrees Celsius, where readable"),
        Column("problem", "string", "What is wrong, for an operator"),
        _RECEIVED,
    ),
)
TABLES = (DETECTIONS, TELEMETRY)
