# SPDX-License-Identifier: Apache-2.0
"""Athena's queries over JSON objects in partitions, answered as the table says."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from ministack_edge.storage import queries

pytestmark = pytest.mark.xdist_group("local-aws-queries")

BUCKET, DATABASE = "readings-archive", "readings"
LOCATION = f"s3://{BUCKET}/readings/"
PARAMETERS = {
    "projection.enabled": "true",
    "projection.date.type": "date",
    "storage.location.template": f"{LOCATION}date=${{date}}/",
}


def lines(*readings: dict[str, Any]) -> bytes:
    return gzip.compress("".join(json.dumps(one) + "\n" for one in readings).encode())


def reading(number: int, version: str) -> dict[str, Any]:
    return {"number": number, "seen_ms": 86_400_000, "sender": {"name": "a", "version": version}}


@pytest.fixture(scope="module")
def ask(client: Any, until: Any) -> Any:
    s3, glue, athena = client("s3"), client("glue"), client("athena")
    s3.create_bucket(Bucket=BUCKET)
    for key, body in {
        "date=2026-11-01/a.gz": lines(reading(1, "1.0"), reading(2, "1.1")),
        "date=2026-11-02/b.gz": lines(reading(3, "1.1")),
        "errors/date=2026-11-02/c.gz": gzip.compress(b"no JSON\n"),
    }.items():
        s3.put_object(Bucket=BUCKET, Key=f"readings/{key}", Body=body)
    glue.create_database(DatabaseInput={"Name": DATABASE})
    serde = {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}
    columns = {
        "number": "bigint",
        "seen_ms": "bigint",
        "sender": "struct<name:string,version:string>",
    }
    for name, location in (("readings", LOCATION), ("nothing", f"s3://{BUCKET}/nothing/")):
        glue.create_table(
            DatabaseName=DATABASE,
            TableInput={
                "Name": name,
                "StorageDescriptor": {
                    "Columns": [{"Name": key, "Type": kind} for key, kind in columns.items()],
                    "Location": location,
                    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                    "SerdeInfo": serde,
                },
                "PartitionKeys": [{"Name": "date", "Type": "string"}],
                "Parameters": PARAMETERS,
            },
        )

    def run(sql: str) -> list[list[str]] | str:
        query = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": DATABASE},
            ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/answers/"},
        )["QueryExecutionId"]

        def status() -> Any:
            found = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            return found if found["State"] in ("SUCCEEDED", "FAILED") else None

        ended = until(status, what=sql)
        if ended["State"] == "FAILED":
            return str(ended["StateChangeReason"])
        rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows[1:]]

    return run


def test_partitions_are_those_of_the_projection(ask: Any) -> None:
    sql = "SELECT date, count(*) FROM readings WHERE date >= '2026-11-01' GROUP BY date ORDER BY 1"
    assert ask(sql) == [["2026-11-01", "2"], ["2026-11-02", "1"]]


def test_columns_are_the_table_s_also_those_that_hold_objects(ask: Any) -> None:
    newest = "SELECT max_by(sender.version, number) FROM readings"
    assert (ask(newest), ask(newest.replace("readings", "nothing"))) == ([["1.1"]], [[None]])


def test_the_time_functions_are_athena_s(ask: Any) -> None:
    sql = "SELECT DISTINCT from_unixtime(seen_ms / 1000), to_unixtime(now()) > 0 FROM readings"
    assert ask(sql) == [["1970-01-02 00:00:00", "true"]]


def test_what_only_athena_understands_fails_and_says_so(ask: Any) -> None:
    assert "from_iso8601_timestamp" in ask("SELECT from_iso8601_timestamp('2026-11-01T00:00:00Z')")


def test_without_duckdb_no_answer_is_made_up() -> None:
    with pytest.raises(ValueError, match="DuckDB, which is not installed"):
        queries._refuse("SELECT 1")


@pytest.mark.parametrize(
    ("glue", "duckdb"),
    [
        ("string", "VARCHAR"),
        ("decimal(10,2)", "DECIMAL(10,2)"),
        (
            "array<struct<a:int,b:map<string,double>>>",
            'STRUCT("a" INTEGER, "b" MAP(VARCHAR, DOUBLE))[]',
        ),
        ("uniontype<int>", "VARCHAR"),
    ],
)
def test_types(glue: str, duckdb: str) -> None:
    assert queries.duckdb_type(glue) == duckdb
