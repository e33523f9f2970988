# SPDX-License-Identifier: Apache-2.0
"""Every named question over a simulated day of 200 cameras, and what it costs for 2,000.

``python -m benchmarks.questions`` writes the messages that the contracts define as Firehose does
(gzipped JSON lines, objects of 5 MB), lets DuckDB answer in Athena's place, and prints a table:
the command, the first row of the answer, and the bytes that Athena would read for 2,000 cameras.
"""

import gzip
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from contracts.archive import TABLES
from contracts.bins import UNSURE_BELOW
from contracts.command_line import run_command
from contracts.detection import Detection
from contracts.messages import Message, ModelName, timestamp
from contracts.telemetry import Telemetry
from infra.insights.questions import QUESTIONS, Question
from ministack_edge.storage.queries import MACROS, duckdb_type
from tools.ask import USD_PER_BYTE

CAMERAS, MINUTES, ITEMS = 200, 1440, 100
FLEET, DAYS, YEAR = 2000, 7, 365
OBJECT_BYTES = 5 * 1024**2
MODEL = ModelName("9f" * 32, "1.346503.18863")


def main() -> None:
    """Print the table."""
    start = time.time() // 86_400 * 86_400 - 86_400
    with tempfile.TemporaryDirectory() as name:
        folder, stored = Path(name), {}
        for table, messages in (("telemetry", _telemetry), ("detections", _detections)):
            stored[table] = _write(folder / table, messages(start), start)
        connection = _opened(folder)
        print("| command | first row | 7 days | a year |\n|---|---|---|---|")
        for question in QUESTIONS:
            print(_row(question, connection, stored))
    for table, size in stored.items():
        print(f"{table}: {size / CAMERAS:,.0f} bytes per camera and day")


def _row(question: Question, connection: Any, stored: dict[str, int]) -> str:
    cursor = connection.execute(question.sql)
    names = [column[0] for column in cursor.description]
    first = cursor.fetchone()
    said = ", ".join(f"{a} {b}" for a, b in zip(names, first, strict=True)) if first else "nothing"
    tables = [table for table in stored if f"FROM {table}" in question.sql]
    day = sum(stored[table] for table in tables) * FLEET / CAMERAS
    costs = []
    for days in (DAYS, YEAR):
        read = day if question.name == "today" else day * days
        costs.append(f"{read / 1e6:,.0f} MB, {read * USD_PER_BYTE:.4f} USD")
    return f"| `make ask QUESTION={question.name}` | {said} | {' | '.join(costs)} |"


def _telemetry(start: float) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)  # noqa: S311 - invented numbers
    for minute in range(MINUTES):
        for camera in range(CAMERAS):
            # Camera 9 is dark for three hours, camera 8 since noon.
            if (camera == 9 and 300 <= minute < 480) or (camera == 8 and minute > 720):
                continue
            moment = start + 60 * minute + camera / 4
            message = Telemetry(
                thing=f"binsight-prod-{camera:04}",
                observed_at=timestamp(datetime.fromtimestamp(moment, UTC)),
                reason="interval",
                fps=chance.uniform(9, 10),
                p50_ms=chance.uniform(40, 60),
                p99_ms=chance.uniform(60, 110),
                frames=600 * minute,
                dropped=0,
                bad_frames=0,
                detections=minute * ITEMS // MINUTES,
                undelivered=3 if camera == 9 and minute < 500 else 0,
                model=MODEL,
                program="7.754931.342672",
                drift=chance.uniform(0.2, 0.9) + (2 if camera == 7 else 0),
                source="v4l2:/dev/video0",
                source_state="streaming",
                uptime_s=60.0 * minute,
                temperature_c=chance.uniform(45, 55),
                unnamed="battery",
                problem="disk full" if camera == 7 else None,
            )
            yield _received(message, moment, "telemetry")


def _detections(start: float) -> Iterator[dict[str, Any]]:
    chance = random.Random(2)  # noqa: S311 - invented numbers
    for number in range(ITEMS):
        for camera in range(CAMERAS):
            if camera == 9 and number == 40:
                continue  # lost
            moment = start + 86_400 / ITEMS * number + camera / 4
            kind, place = chance.choice((("glass", "recycling"), ("trash", "landfill")))
            confidence = chance.uniform(0.45, 1)
            message = Detection(
                thing=f"binsight-prod-{camera:04}",
                sequence=number,
                observed_at=timestamp(datetime.fromtimestamp(moment, UTC)),
                class_name=kind,
                bin=place,
                confidence=confidence,
                unsure=confidence < UNSURE_BELOW,
                bin_confidence=confidence,
                model=MODEL,
                frames=5,
                latency_ms=chance.uniform(300, 700),
            )
            yield _received(message, moment, "detection")


def _received(message: Message, moment: float, kind: str) -> dict[str, Any]:
    return {**message.to_json(), "kind": kind, "received_ms": int(moment * 1000)}


def _write(folder: Path, messages: Iterator[dict[str, Any]], start: float) -> int:
    """Objects of a day; how many bytes they have."""
    day = folder / f"date={datetime.fromtimestamp(start, UTC):%Y-%m-%d}"
    day.mkdir(parents=True)
    total, lines, size = 0, list[str](), 0
    for message in (*messages, None):
        if message is None or size > OBJECT_BYTES:
            content = gzip.compress("".join(lines).encode())
            (day / f"{total}.gz").write_bytes(content)
            total, lines, size = total + len(content), [], 0
        if message is not None:
            lines.append(json.dumps(message, separators=(",", ":")) + "\n")
            size += len(lines[-1])
    return total


def _opened(folder: Path) -> Any:
    connection = duckdb.connect()
    connection.execute(MACROS)
    for table in TABLES:
        columns = ", ".join(f"'{one.name}': '{duckdb_type(one.type)}'" for one in table.columns)
        connection.execute(
            f"CREATE VIEW {table.name} AS SELECT * FROM read_json('{folder}/{table.name}/*/*.gz', "  # noqa: S608
            f"format = 'newline_delimited', hive_partitioning = true, "
            f"hive_types = {{'date': 'VARCHAR'}}, columns = {{{columns}}})"
        )
    return connection


if __name__ == "__main__":
    sys.exit(run_command(main))
