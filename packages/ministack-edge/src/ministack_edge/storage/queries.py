# SPDX-License-Identifier: Apache-2.0
"""Athena's queries over JSON tables, answered by DuckDB as Athena answers them.

ministack lets DuckDB guess the columns, reads every object below the table's location, and makes an
answer up where DuckDB is missing. Here columns are the table's own, partitions are those that its
projection names, and without DuckDB a query fails. SQL that only Athena understands fails too, with
DuckDB's reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from ministack.services import athena

from ministack_edge import ministack_patches
from ministack_edge.protocol import Document

NO_ENGINE = "the local AWS answers queries with DuckDB, which is not installed: pip install duckdb"
MACROS = (
    "CREATE TEMP MACRO from_unixtime(seconds) AS "
    "make_timestamp(CAST(seconds * 1000000 AS BIGINT)); "
    "CREATE TEMP MACRO to_unixtime(moment) AS epoch(moment); "
)
"""Functions of Athena's that DuckDB has under another name."""
_TYPES = {
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double": "DOUBLE",
    "float": "FLOAT",
    "int": "INTEGER",
    "smallint": "SMALLINT",
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "tinyint": "TINYINT",
}
_COPIES = re.compile(r"/ministack-athena-[^/]+/")
"""The folder to which ministack copies the objects of one query."""
_VARIABLE = re.compile(r"\\\$\\\{(\w+)\\\}")


def install() -> None:
    """Answer queries so from now on."""
    module = "ministack.services.athena"
    ministack_patches.wrap(module, "_table_relation", _relation)
    ministack_patches.wrap(module, "_empty_relation", lambda _original: _empty)
    ministack_patches.wrap(module, "_rewrite_data_paths", _with_macros)
    ministack_patches.wrap(module, "_mock_query_results", lambda _original: _refuse)


def _refuse(_query: str) -> Document:
    raise ValueError(NO_ENGINE)


def _with_macros(original: Callable[..., Any]) -> Callable[..., Any]:
    async def rewrite(*arguments: Any) -> Any:
        query, *rest = await original(*arguments)
        return (MACROS + query, *rest)

    return rewrite


def _relation(original: Callable[..., str]) -> Callable[..., str]:
    def find(table: Document, files: Sequence[str]) -> str:
        if athena._data_format(table) != "json" or not _columns(table):
            return original(table, files)
        wanted = partitioned(table, files)
        if not wanted:
            return _empty(table)
        malformed = _serde(table).get("ignore.malformed.json", "false") == "true"
        columns = ", ".join(f"{_quoted(name)}: {_quoted(kind)}" for name, kind in _columns(table))
        partitions = athena._hive_options(athena._path_partition_keys(table, wanted))
        return (
            f"read_json({athena._sql_list(wanted)}, format = 'newline_delimited', "
            f"ignore_errors = {str(malformed).lower()}, columns = {{{columns}}}, {partitions})"
        )

    return find


def partitioned(table: Document, files: Sequence[str]) -> list[str]:
    """The files of the partitions that the table's projection names; all where it has none.

    ``files`` are ministack's copies of the objects below the table's location.
    """
    parameters = table.get("Parameters") or {}
    template = str(parameters.get("storage.location.template") or "")
    if parameters.get("projection.enabled") != "true" or not template:
        return list(files)
    location = urlparse(str(table["StorageDescriptor"]["Location"])).path.strip("/")
    inside = urlparse(template).path.strip("/").removeprefix(location).strip("/")
    pattern = re.compile(_VARIABLE.sub("[^/]+", re.escape(inside)))
    return [one for one in files if pattern.fullmatch(str(Path(_COPIES.split(one)[-1]).parent))]


def _empty(table: Document) -> str:
    """No rows, with the table's columns and partitions."""
    keys = [(str(one["Name"]), str(one["Type"])) for one in table.get("PartitionKeys") or []]
    columns = [*_columns(table), *((name, duckdb_type(kind)) for name, kind in keys)]
    nothing = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in columns)
    return f"(SELECT {nothing} WHERE FALSE)" if columns else "(SELECT 1 WHERE FALSE)"


def _columns(table: Document) -> list[tuple[str, str]]:
    found = (table.get("StorageDescriptor") or {}).get("Columns") or []
    return [(str(one["Name"]), duckdb_type(str(one.get("Type", "string")))) for one in found]


def _serde(table: Document) -> Document:
    serde = (table.get("StorageDescriptor") or {}).get("SerdeInfo") or {}
    return serde.get("Parameters") or {}


def duckdb_type(kind: str) -> str:
    """DuckDB's name of a Glue type: ``struct<a:int>`` is ``STRUCT("a" INTEGER)``.

    What it does not know is read as text.
    """
    name, _, inside = kind.strip().lower().partition("<")
    inside = inside.removesuffix(">")
    if name == "struct":
        pairs = (part.split(":", 1) for part in _parts(inside))
        fields = ", ".join(f'"{key}" {duckdb_type(value)}' for key, value in pairs)
        return f"STRUCT({fields})"
    if name == "array":
        return f"{duckdb_type(inside)}[]"
    if name == "map":
        key, value = _parts(inside)
        return f"MAP({duckdb_type(key)}, {duckdb_type(value)})"
    if name.startswith("decimal"):
        return name.upper()
    return _TYPES.get(name, "VARCHAR")


def _parts(text: str) -> list[str]:
    """The parts between commas that are not inside angle or round brackets."""
    depth, parts = 0, [""]
    for sign in text:
        depth += (sign in "<(") - (sign in ">)")
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
