# SPDX-License-Identifier: Apache-2.0
"""AWS Lambda entry: writes the latest state of a camera, never over a newer one.

AWS IoT does not promise an order, and its DynamoDB action writes without a condition. Called by AWS
IoT rules (messages, presence) and by EventBridge (Greengrass), one event at a time.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

from contracts.fleet import TELEMETRY
from fleet_watch.rows import NewRow, rows


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:
    """Write the rows of one event; how many were written, how many were older than what is there
    or of no camera."""
    del context
    table = _table()
    written = [write(table, row) for row in rows(event)]
    return {"written": written.count(True), "skipped": written.count(False)}


def write(table: Any, row: NewRow) -> bool:
    """Put the row where there is none or an older one; whether it was written."""
    thing = row.item["thing"]
    if row.known_only:
        key = {"thing": thing, "kind": TELEMETRY}
        if "Item" not in table.get_item(Key=key, ProjectionExpression="thing"):
            return False
    try:
        table.put_item(
            Item=row.item,
            ConditionExpression="attribute_not_exists(thing) OR #order <= :order",
            ExpressionAttributeNames={"#order": row.order},
            ExpressionAttributeValues={":order": row.item[row.order]},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


@lru_cache(maxsize=1)
def _table() -> Any:
    return boto3.resource("dynamodb").Table(os.environ["LATEST_TABLE"])
