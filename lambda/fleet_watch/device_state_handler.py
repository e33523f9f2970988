# SPDX-License-Identifier: Apache-2.0
"""AWS Lambda entry: writes the latest state of a camera, never over a newer one.

AWS IoT does not guarantee an order, and its DynamoDB action cannot write conditionally. Called by
AWS IoT rules (messages, presence) and by EventBridge (Greengrass), one event at a time.
"""

import os
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

from contracts.fleet import TELEMETRY
from fleet_watch.rows import NewRow, rows

_SITE_SECONDS = 3600.0


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:
    """Write the rows of one event.

    Returns how many were written and how many were skipped, because they were older than the
    existing row or not about a camera.
    """
    del context
    table, is_camera = _table(), _is_camera
    found = [with_site(row, site_of) for row in rows(event)]
    written = [write(table, row, is_camera) for row in found]
    return {"written": written.count(True), "skipped": written.count(False)}


def write(table: Any, row: NewRow, is_camera: Callable[[str], bool]) -> bool:
    """Write the row unless a newer one exists; return whether it was written.

    ``is_camera`` is called for a thing without telemetry: a camera's first deployment precedes its
    first message.
    """
    thing = row.item["thing"]
    if row.known_only:
        key = {"thing": thing, "kind": TELEMETRY}
        known = "Item" in table.get_item(Key=key, ProjectionExpression="thing")
        if not known and not is_camera(thing):
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


def with_site(row: NewRow, site: Callable[[str], str]) -> NewRow:
    """Telemetry with the camera's site, which is in the registry and not in the message."""
    if row.item["kind"] == TELEMETRY and (known := site(row.item["thing"])):
        row.item["site"] = known
    return row


_sites: dict[str, tuple[float, str]] = {}
"""By thing: when the cached site expires, and the site."""


def site_of(thing: str) -> str:
    """The site in a thing's attributes, at most an hour old; empty if it has none."""
    # Other names belong to other systems, and the function has no permission for them.
    if not thing.startswith(os.environ["THING_PREFIX"]):
        return ""
    until, site = _sites.get(thing, (0.0, ""))
    if until < time.monotonic():
        try:
            site = str(_iot().describe_thing(thingName=thing)["attributes"].get("site", ""))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            site = ""
        _sites[thing] = (time.monotonic() + _SITE_SECONDS, site)
    return site


def _is_camera(thing: str) -> bool:
    """Whether a thing is in the environment's group of cameras."""
    # Other names belong to other systems, and the function has no permission for them.
    if not thing.startswith(os.environ["THING_PREFIX"]):
        return False
    try:
        pages = _iot().get_paginator("list_thing_groups_for_thing").paginate(thingName=thing)
        groups = {group["groupName"] for page in pages for group in page["thingGroups"]}
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return os.environ["THING_GROUP"] in groups


@lru_cache(maxsize=1)
def _iot() -> Any:
    return boto3.client("iot")


@lru_cache(maxsize=1)
def _table() -> Any:
    return boto3.resource("dynamodb").Table(os.environ["LATEST_TABLE"])
