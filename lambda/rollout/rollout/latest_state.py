# SPDX-License-Identifier: Apache-2.0
"""The cameras' last messages: rows of the latest-state table, if the insights stack is deployed.

That stack is deployed after this one, so the table's name is read from its outputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from contracts.fleet import Row

Key = tuple[str, str]
"""Thing and kind of a row."""
_OUTPUT = "LatestTable"
_KEYS_PER_CALL = 100
_TRIES = 3
_READ = (
    "thing",
    "kind",
    "received_ms",
    "problem",
    "event",
    "fps",
    "p99_ms",
    "source_state",
    "uptime_s",
    "detections",
    "classes",
    "frames",
    "bad_frames",
    "model",
)


def latest_rows(
    stack: str, keys: Sequence[Key], clients: Mapping[str, Any]
) -> dict[Key, Row] | None:
    """The existing rows, by key; None if there is no table yet."""
    table = _table(clients["cloudformation"], stack)
    if table is None:
        return None
    parts = [keys[at : at + _KEYS_PER_CALL] for at in range(0, len(keys), _KEYS_PER_CALL)]
    rows = [row for part in parts for row in _get(clients["dynamodb"], table, part)]
    return {(str(row["thing"]), str(row["kind"])): row for row in rows}


def _get(dynamodb: Any, table: str, keys: Sequence[Key]) -> Iterator[Row]:
    """Get rows.

    Those that a throttled table does not return after some tries are skipped, because there will be
    another look.
    """
    names = {f"#{number}": name for number, name in enumerate(_READ)}
    asked: dict[str, Any] = {
        table: {
            "Keys": [{"thing": thing, "kind": kind} for thing, kind in keys],
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names,
        }
    }
    for _ in range(_TRIES):
        if not asked:
            return
        answer = dynamodb.batch_get_item(RequestItems=asked)
        yield from answer["Responses"].get(table, ())
        asked = answer.get("UnprocessedKeys") or {}


def _table(cloudformation: Any, stack: str) -> str | None:
    try:
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        # "Stack with id … does not exist"
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    return outputs.get(_OUTPUT)
