# SPDX-License-Identifier: Apache-2.0
"""The result of a deployment on each camera of a group, from the latest-state table."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr

from contracts.fleet import DEPLOYMENT, PRESENCE, REFUSED, TELEMETRY, Row, silent_after_seconds

_NAMED = 5
_LOST = "TIMED_OUT"
"""A camera that started and did not report: it lost its power or network."""


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """Counts of one group. ``failed``: by camera, why."""

    total: int
    succeeded: int
    asleep: int
    waiting: int
    failed: Mapping[str, str]

    def words(self) -> str:
        said = (
            f"{self.total} cameras: {self.succeeded} have it, {len(self.failed)} failed, "
            f"{self.asleep} asleep, {self.waiting} waiting"
        )
        for thing, reason in sorted(self.failed.items())[:_NAMED]:
            said += f"\n      {thing}: {reason}"
        more = len(self.failed) - _NAMED
        return f"{said}\n      and {more} more" if more > 0 else said


def cameras(
    session: boto3.Session, *, table: str, groups: Mapping[str, tuple[str, str]], interval: int
) -> dict[str, Cameras]:
    """The cameras of each group, by the group's name.

    ``groups``: thing group and deployment of each. ``interval``: seconds between two messages of
    telemetry.
    """
    kinds = [DEPLOYMENT + deployment for _, deployment in groups.values()]
    rows: dict[str, dict[str, Row]] = {}
    for row in _rows(session, table, [*kinds, TELEMETRY, PRESENCE]):
        rows.setdefault(str(row["thing"]), {})[str(row["kind"])] = row
    silent_ms = time.time() * 1000 - 1000 * silent_after_seconds(interval)
    return {
        name: _counted(_members(session, group), rows, DEPLOYMENT + deployment, silent_ms)
        for name, (group, deployment) in groups.items()
    }


def _counted(
    members: list[str], rows: Mapping[str, Mapping[str, Row]], kind: str, silent_ms: float
) -> Cameras:
    failed: dict[str, str] = {}
    succeeded = asleep = 0
    for thing in members:
        known = rows.get(thing, {})
        status = known.get(kind, {}).get("status", "")
        if status in ("SUCCEEDED", "COMPLETED"):
            succeeded += 1
        elif status in REFUSED and status != _LOST:
            failed[thing] = str(known[kind].get("reason") or status)
        elif _asleep(known, silent_ms):
            asleep += 1
    waiting = len(members) - succeeded - len(failed) - asleep
    return Cameras(
        total=len(members), succeeded=succeeded, asleep=asleep, waiting=waiting, failed=failed
    )


def _asleep(known: Mapping[str, Row], silent_ms: float) -> bool:
    if known.get(PRESENCE, {}).get("event") == "disconnected":
        return True
    telemetry = known.get(TELEMETRY)
    return telemetry is not None and telemetry["received_ms"] < silent_ms


def _members(session: boto3.Session, group: str) -> list[str]:
    pages = session.client("iot").get_paginator("list_things_in_thing_group")
    return [thing for page in pages.paginate(thingGroupName=group) for thing in page["things"]]


def _rows(session: boto3.Session, table: str, kinds: list[str]) -> Iterator[Row]:
    client = session.resource("dynamodb").meta.client
    pages = client.get_paginator("scan").paginate(
        TableName=table, FilterExpression=Attr("kind").is_in(kinds)
    )
    for page in pages:
        yield from page["Items"]


def latest_table(outputs: Mapping[str, Any]) -> str | None:
    """The table's name among the outputs of the Insights stack; None before it is deployed."""
    return outputs.get("LatestTable")
