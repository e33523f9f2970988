# SPDX-License-Identifier: Apache-2.0
"""The named queries over files as Firehose writes them, read by DuckDB in Athena's place.

DuckDB reads the folders' dates as partitions, as the table's projection does. Three functions that
only Athena has are defined for it here. The fleet below is known, so each answer is, too.
"""

import gzip
import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from contracts.archive import TABLES
from infra.insights.questions import QUESTIONS, RECENT

CAMERAS, DAYS, PER_DAY = 200, 2, 288
"""A message every five minutes: 200 cameras, two days."""
MINUTE = 60_000
NOW = datetime.now(UTC).replace(microsecond=0)
LOST, TWICE = "cam-007", "cam-008"
SILENT, HOT = "cam-009", "cam-010"
_FUNCTIONS = (
    "CREATE MACRO from_unixtime(seconds) AS make_timestamp(CAST(seconds * 1000000 AS BIGINT))",
    "CREATE MACRO to_unixtime(moment) AS epoch(moment)",
)
_KINDS = {"int": "INTEGER", "bigint": "BIGINT", "double": "DOUBLE", "string": "VARCHAR"}
_KINDS["boolean"] = "BOOLEAN"
_KINDS["struct<digest:string,version:string>"] = "STRUCT(digest VARCHAR, version VARCHAR)"


def moments():
    start = NOW - timedelta(minutes=5 * DAYS * PER_DAY)
    for number in range(DAYS * PER_DAY):
        yield number, start + timedelta(minutes=5 * (number + 1))


def telemetry(thing, number, moment):
    silent = thing == SILENT and moment > NOW - timedelta(hours=2)
    if silent or (thing == LOST and PER_DAY <= number < PER_DAY + 12):
        return None  # an hour offline
    message = {
        "schema": 1,
        "thing": thing,
        "kind": "telemetry",
        "received_ms": int(moment.timestamp() * 1000),
        "observed_at": "2000-01-01T00:00:00.000Z",  # its clock is wrong
        "reason": "interval",
        "fps": 10.0,
        "p99_ms": 80.0,
        "undelivered": 3 if thing == LOST else 0,
        "model": {"digest": "d", "version": "1.0.1" if number < PER_DAY else "1.0.2"},
        "program": "2.0.0" if thing != SILENT else "1.9.0",
        **({"unnamed": "battery"} if thing == HOT else {}),
        "drift": 0.1 if thing != HOT else 0.9,
        "temperature_c": 40.0 if thing != HOT else 81.5,
    }
    return message | ({"problem": "disk full"} if thing in (LOST, HOT) else {})


def detections(thing, number, moment):
    if number % 12:
        return  # one item an hour
    sequence = number // 12
    copies = 2 if thing == TWICE and sequence == 5 else 1
    if thing == LOST and sequence == 6:
        copies = 0
    for _ in range(copies):
        yield {
            "schema": 1,
            "thing": thing,
            "kind": "detection",
            "received_ms": int(moment.timestamp() * 1000),
            "sequence": sequence,
            "class": "glass",
            "bin": "recycling" if number % 24 else "landfill",
            "confidence": 0.9 if number < PER_DAY else 0.4,
            **({} if number < PER_DAY else {"unsure": True}),
            "model": {"digest": "d", "version": "1.0.1" if number < PER_DAY else "1.0.2"},
        }


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Objects of both tables, a folder a day, and what was published."""
    folder = tmp_path_factory.mktemp("archive")
    lines = {}
    for number, moment in moments():
        day = f"{moment:%Y-%m-%d}"
        for camera in range(CAMERAS):
            thing = f"cam-{camera:03}"
            message = telemetry(thing, number, moment)
            lines.setdefault(("telemetry", day), []).extend([message] if message else [])
            lines.setdefault(("detections", day), []).extend(detections(thing, number, moment))
    for (table, day), messages in lines.items():
        file = folder / table / f"date={day}" / "part-1.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(message) + "\n" for message in messages)
        file.write_bytes(gzip.compress(text.encode(), 1))
    # What Firehose could not write is beside the days, where no table looks.
    errors = folder / "telemetry" / "errors" / "format" / "date=2026-01-01" / "part.gz"
    errors.parent.mkdir(parents=True)
    errors.write_bytes(gzip.compress(b"not JSON\n"))
    return folder


@pytest.fixture(scope="module")
def ask(archive):
    connection = duckdb.connect()
    for function in _FUNCTIONS:
        connection.execute(function)
    for table in TABLES:
        columns = {column.name: _KINDS[column.type] for column in table.columns}
        listed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        connection.execute(
            f"CREATE VIEW {table.name} AS SELECT * FROM read_json("  # noqa: S608 - own names
            f"'{archive}/{table.name}/date=*/*.gz', format = 'newline_delimited', "
            f"hive_partitioning = true, hive_types = {{'date': 'VARCHAR'}}, "
            f"columns = {{{listed}}})"
        )

    def run(name):
        [question] = [one for one in QUESTIONS if one.name == name]
        # The time of the rows: minutes may have passed since this module was imported.
        asked = question.sql.replace("now()", f"TIMESTAMPTZ '{NOW.isoformat()}'")
        found = connection.execute(asked.replace("current_date", f"DATE '{NOW.date()}'"))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return run


def test_every_question_names_its_partitions_and_has_an_answer(ask):
    for question in QUESTIONS:
        assert RECENT in question.sql, question.name
        assert ask(question.name), question.name


def test_nothing_is_lost_and_nothing_is_double_but_what_was(ask):
    rows = {row["thing"]: (row["missing"], row["twice"]) for row in ask("lost")}
    assert rows.pop(LOST) == (1, 0)
    assert rows.pop(TWICE) == (0, 1)
    assert set(rows.values()) == {(0, 0)}
    items = sum(row["items"] for row in ask("items"))
    assert items == CAMERAS * DAYS * PER_DAY // 12 - 1
    assert items == sum(row["items"] for row in ask("items_by_camera"))


def test_silence_is_seen_by_the_server_s_clock(ask):
    [row] = ask("silent")
    assert row["thing"] == SILENT
    assert abs((NOW.replace(tzinfo=None) - row["last_seen"]) - timedelta(hours=2)) <= timedelta(
        minutes=5
    )
    [gap] = ask("offline")
    assert (gap["thing"], gap["times"], gap["longest_hours"]) == (LOST, 1, 1.08)


def test_problems_and_heat(ask):
    [problem] = ask("problems")
    assert (problem["problem"], problem["cameras"]) == ("disk full", 2)
    assert {row["thing"] for row in ask("speed") if row["hottest_c"] > 80} == {HOT}
    assert ask("unnamed") == [{"classes": "battery", "cameras": 1, "one_of_them": HOT}]
    assert ask("drift")[0] == {"thing": HOT, "drift": 0.9, "most": 0.9}


def test_what_runs_where(ask):
    programs = {row["program"]: row["cameras"] for row in ask("programs")}
    assert programs == {"2.0.0": CAMERAS - 1, "1.9.0": 1}
    models = {row["model_version"]: row["cameras"] for row in ask("models")}
    assert models == {"1.0.2": CAMERAS}
    last = ask("confidence")[-1]
    assert (last["model_version"], last["confidence"], last["unsure"]) == ("1.0.2", 0.4, 1.0)
    assert ask("undelivered") == [{"thing": LOST, "waiting": 3, "most": 3}]
