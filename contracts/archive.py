# SPDX-License-Identifier: Apache-2.0
"""The archive's tables: a folder of the archive bucket, the columns, one JSON object per line."""

from collections.abc import Sequence
from typing import NamedTuple

from contracts.detection import DETECTION_COLUMNS
from contracts.messages import Column
from contracts.telemetry import Telemetry

FIRST_DAY = "2026-01-01"
"""Athena looks for partitions from this day to today."""
_RECEIVED = Column("received_ms", "bigint", "When AWS IoT received it, milliseconds since 1970")


class Table(NamedTuple):
    """A table: its name (also the name of its folder), what one row is, and the columns."""

    name: str
    description: str
    columns: Sequence[Column]


DETECTIONS = Table("detections", "One row per sorted item", (*DETECTION_COLUMNS, _RECEIVED))
TELEMETRY = Table(
    "telemetry",
    "The state of each camera, once a minute and on change",
    (*Telemetry.columns(), _RECEIVED),
)
TABLES = (DETECTIONS, TELEMETRY)
