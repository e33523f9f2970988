# SPDX-License-Identifier: Apache-2.0
"""Reads the state of a fleet: its cameras, their items of today, and the costs of the month."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contracts.bins import BinPolicy
from contracts.fleet import (
    REPORT_THING,
    Camera,
    Row,
    Watched,
    cameras,
    silent_after_seconds,
    unpacked,
)
from infra.insights.questions import QUESTIONS
from tools.ask_athena import AskError, Insights, ask


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The data of the page and the table. ``notes`` list what could not be read, and why."""

    environment: str
    at_ms: int
    cameras: Sequence[Camera]
    today: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Per camera the items of today and the share of unsure ones."""
    quality: Sequence[Mapping[str, Any]] = ()
    """Per day and model version: items, mean confidence, share of unsure ones."""
    items: Sequence[Mapping[str, Any]] = ()
    """Per day and bin: items."""
    bins: BinPolicy = field(default_factory=lambda: BinPolicy({}))
    spent_usd: float | None = None
    budget_usd: float | None = None
    notes: Sequence[str] = ()


def read(insights: Insights, environment: str) -> Fleet:
    """Read everything; data from Athena or AWS Budgets may be missing."""
    at_ms = time.time_ns() // 1_000_000
    notes: list[str] = []
    unanswered: dict[str, list[str]] = {}
    today, quality, items = (
        _asked(insights, name, unanswered) for name in ("today", "confidence", "items")
    )
    # If Athena refuses one query it refuses the others with the same message.
    notes += [
        f"Athena did not answer the queries {', '.join(names)}: {error}"
        for error, names in unanswered.items()
    ]
    spent, budget = _cost(insights, notes)
    return Fleet(
        environment=environment,
        at_ms=at_ms,
        cameras=read_cameras(insights, at_ms),
        today={str(row["thing"]): row for row in today},
        quality=quality,
        items=items,
        bins=insights.settings.bins.policy(),
        spent_usd=spent,
        budget_usd=budget,
        notes=notes,
    )


def read_cameras(insights: Insights, at_ms: int) -> list[Camera]:
    """Every camera that is registered or has a row in the table of latest states."""
    rows = list(_rows(insights.session, insights.outputs["LatestTable"]))
    report = next((row for row in rows if row["thing"] == REPORT_THING), None)
    kept = unpacked(report["report"].value) if report else {"missing_since_ms": {}}
    group = f"{insights.settings.prefix}-runtime"
    pages = insights.session.client("iot").get_paginator("list_things_in_thing_group")
    members = [thing for page in pages.paginate(thingGroupName=group) for thing in page["things"]]
    seconds = silent_after_seconds(insights.settings.camera.telemetry_seconds)
    watched = Watched(
        now_ms=at_ms,
        silent_after_ms=seconds * 1000,
        deployment=str(report["deployment"]) if report else "",
        missing_since_ms=kept["missing_since_ms"],
    )
    return cameras(rows, members, watched)


def _rows(session: boto3.Session, table: str) -> Iterator[Row]:
    # The resource's client converts Python values, as a table does.
    client = session.resource("dynamodb").meta.client
    for page in client.get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]


def _asked(
    insights: Insights, name: str, unanswered: dict[str, list[str]]
) -> Sequence[Mapping[str, Any]]:
    [question] = [one for one in QUESTIONS if one.name == name]
    try:
        return ask(insights, question.sql)[0]
    except (AskError, BotoCoreError, ClientError) as error:
        unanswered.setdefault(str(error), []).append(name)
        return ()


def _cost(insights: Insights, notes: list[str]) -> tuple[float | None, float | None]:
    settings = insights.settings
    if settings.insights.budget_usd is None:
        return None, None
    try:
        budget = insights.session.client("budgets", region_name="us-east-1").describe_budget(
            AccountId=settings.account, BudgetName=f"{settings.prefix}-{settings.region}"
        )["Budget"]
    except (BotoCoreError, ClientError) as error:
        notes.append(f"the budget could not be read: {error}")
        return None, float(settings.insights.budget_usd)
    spent = budget.get("CalculatedSpend", {}).get("ActualSpend", {}).get("Amount")
    return (None if spent is None else float(spent)), float(budget["BudgetLimit"]["Amount"])
