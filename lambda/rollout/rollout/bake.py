# SPDX-License-Identifier: Apache-2.0
"""The bake: the health of the canaries while they run a new model.

A look needs the same few calls for any number of cameras: above ``ASKED`` canaries and ``COMPARED``
cameras of the fleet it takes samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from contracts.fleet import PRESENCE, TELEMETRY, Row
from rollout.bake_memory import Memory
from rollout.canary_health import (
    BROKEN,
    Canary,
    Messages,
    awake,
    certain,
    component_faults,
    message_faults,
)
from rollout.comparison import unlike
from rollout.lateness import Lateness, lateness
from rollout.latest_state import Key, latest_rows
from rollout.own_past import Counted, Past, common_pace
from rollout.settings import Settings

LOOKED_AT = 33
"""Canaries in one look: their rows and the fleet's are read in two calls."""
ASKED = 10
"""Canaries whose components are listed in one look, starting with unhealthy ones."""
COMPARED = 50
"""Cameras of the fleet that canaries are compared with."""
CLASSES = 20
"""More classes than any city uses; each one reduces the test's power a little, seen or not."""
_ONE_TELEMETRY = timedelta(minutes=2)
"""A canary sends within this time, even if the bake is shorter: telemetry is sent once a minute."""
NAMED = 5
"""Unwell canaries named in a reason, which goes into the execution's history."""


@dataclass(kw_only=True)
class _Seen:
    """The findings of one look."""

    cores: int
    watched: list[str]
    unwell: dict[str, str] = field(default_factory=dict)
    suspects: list[str] = field(default_factory=list)
    share: float = 0.0
    """The share of the canaries that are unwell."""
    late: str = ""
    """Why silence is not evidence in this look; empty if it is."""


class _Components(NamedTuple):
    """Canaries whose components to list, and the times of the last look (or None) and this one."""

    greengrass: Any
    since: tuple[datetime, datetime] | None


def remember(*, settings: Settings, clients: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of some canaries and fleet cameras before they get a new model."""
    groups = {
        name: _members(clients["iot"], settings.group_name(name), most)
        for name, most in (("canary", LOOKED_AT), ("fleet", COMPARED))
    }
    keys = [(thing, TELEMETRY) for things in groups.values() for thing in things]
    rows = latest_rows(settings.insights_stack, keys, clients) if keys else None
    past = {
        name: {
            thing: Counted.of(row)
            for thing in things
            # A camera without a model counts nothing, however long it has run.
            if rows and (row := rows.get((thing, TELEMETRY))) and row.get("model")
        }
        for name, things in groups.items()
    }
    return {"past": Past(**past).text()}


def look(
    *,
    started_at: str,
    settings: Settings,
    clients: Mapping[str, Any],
    now: datetime,
    memory: str | None = None,
    past: str | None = None,
) -> dict[str, Any]:
    """The state of the bake: RUNNING, SUCCEEDED or FAILED, with a reason to show.

    ``started_at`` is when the canaries' deployment began. ``memory`` is the answer of the previous
    look; a first look has none. ``past`` is the answer of ``remember``. A canary is unwell when one
    of our components is BROKEN, or when it is a suspect in two looks in a row: a single error,
    restart or silence may be a power cut. The bake also fails if canaries report far more or fewer
    items than in their own past, of a class or in total, and the fleet does not. Silence that
    canaries share with the fleet is not evidence: the bake waits, at most for its own duration
    again.
    """
    last, before = Memory.read(memory, now), Past.read(past)
    deployed = datetime.fromisoformat(started_at)
    cores, found = awake(clients["greengrass"], settings.group_arn("canary"), deployed)
    canaries = found[:LOOKED_AT]
    watched = [canary.thing for canary in canaries]
    rows = _rows(watched, settings, clients) if watched else None
    late = lateness(rows or {}, watched, deployed=deployed, now=now, settings=settings)
    messages = Messages(
        rows=rows or {},
        past=before.canary,
        deployed=deployed,
        as_of=late.as_of,
        silence_counts=not late.shared,
        pace=common_pace(before.fleet, _counted(rows or {})),
    )
    seen = _Seen(cores=cores, watched=watched, late=late.said)
    since = (last.looked_at, now) if last.looked_at else None
    components = _Components(clients["greengrass"], since)
    _examine(seen, canaries, messages, last, settings=settings, components=components)
    different = _unlike(before, rows or {}, deployed, settings)
    after = replace(
        last,
        looked_at=now,
        suspects=tuple(seen.suspects),
        heard=last.heard or _heard(rows, watched, deployed),
    )
    status, reason = _judge(seen, different, settings)
    if status == "RUNNING" and _is_over(
        last, now, suspected=bool(seen.suspects), settings=settings
    ):
        status, reason = _end(after, now, reason, settings, late=late)
    return {"status": status, "reason": reason, "memory": after.text()}


def _examine(
    seen: _Seen,
    canaries: Sequence[Canary],
    messages: Messages,
    last: Memory,
    *,
    settings: Settings,
    components: _Components,
) -> None:
    """Record unwell canaries.

    Components are listed for unhealthy canaries first; if there are more, those represent the rest.
    """
    first = sorted(canaries, key=lambda canary: canary.healthy)[:ASKED]
    asked = {canary.thing for canary in first}
    unhealthy = sum(not canary.healthy for canary in canaries)
    weight = max(1.0, unhealthy / ASKED)
    count = 0.0
    for thing in seen.watched:
        faults = {}
        if thing in asked:
            faults = component_faults(components.greengrass, thing, settings, components.since)
        stands_for = weight if faults else 1.0
        faults |= message_faults(messages, thing, settings)
        seen.suspects += [f"{thing}/{kind}" for kind in faults if kind != BROKEN]
        if found := certain(thing, faults, last.suspects):
            seen.unwell[thing] = found
            count += stands_for
    seen.share = count / len(seen.watched) if seen.watched else 0.0


def _heard(rows: Mapping[Key, Row] | None, watched: Sequence[str], deployed: datetime) -> bool:
    """Whether a canary sent telemetry since it got the model; true if none has ever sent any."""
    if rows is None:
        return True
    told = [rows[thing, TELEMETRY] for thing in watched if (thing, TELEMETRY) in rows]
    deployed_ms = deployed.timestamp() * 1000
    return not told or any(row["received_ms"] >= deployed_ms for row in told)


def _end(
    after: Memory, now: datetime, reason: str, settings: Settings, *, late: Lateness
) -> tuple[str, str]:
    """The result of a bake whose time is up.

    It is extended once by its own duration if no canary sent telemetry, or if the fleet's telemetry
    is late too.
    """
    if after.heard and not late.said:
        return "SUCCEEDED", reason
    if now < after.since + max(timedelta(minutes=2 * settings.bake_minutes), _ONE_TELEMETRY):
        return "RUNNING", f"waiting for telemetry of a canary; {reason}"
    what = "is still late" if after.heard else "has not come since canaries got the model"
    return "FAILED", f"no canary has sent telemetry: it {what}; {reason}"


def _is_over(last: Memory, now: datetime, *, suspected: bool, settings: Settings) -> bool:
    """Whether the bake's time is up; suspects get one more look, which decides."""
    end = last.since + timedelta(minutes=settings.bake_minutes)
    settled = last.looked_at is not None and last.looked_at >= end
    return now >= end and (settled or not suspected)


def _judge(seen: _Seen, different: str, settings: Settings) -> tuple[str, str]:
    summary = f"{len(seen.watched)} of {seen.cores} canaries watched, {len(seen.unwell)} unwell"
    most = settings.maximum_failed_percent
    if 100 * seen.share > most:
        named = "; ".join(f"{thing}: {fault}" for thing, fault in list(seen.unwell.items())[:NAMED])
        return "FAILED", f"more than {most:g} % of canaries are unwell: {summary}: {named}"
    if different:
        return "FAILED", f"{different}; {summary}"
    if seen.late:
        summary += f"; {seen.late}"
    return "RUNNING", summary


def _rows(
    watched: list[str], settings: Settings, clients: Mapping[str, Any]
) -> dict[Key, Row] | None:
    """The latest messages of the canaries, and of some of the fleet."""
    fleet = _members(clients["iot"], settings.group_name("fleet"), COMPARED)
    keys = [(thing, kind) for thing in watched for kind in (TELEMETRY, PRESENCE)]
    others = [thing for thing in fleet if thing not in watched]
    keys += [(thing, kind) for thing in others for kind in (TELEMETRY, PRESENCE)]
    return latest_rows(settings.insights_stack, keys, clients)


def _members(iot: Any, group: str, most: int) -> list[str]:
    found = iot.list_things_in_thing_group(thingGroupName=group, maxResults=most)
    return list(found["things"])


def _unlike(past: Past, rows: Mapping[Key, Row], deployed: datetime, settings: Settings) -> str:
    """How canaries' reports differ from their past; only cameras that sent since are counted."""
    deployed_ms = deployed.timestamp() * 1000
    spoke = {key: row for key, row in rows.items() if row["received_ms"] >= deployed_ms}
    rate = settings.false_alarm_percent / 100
    return unlike(past, _counted(spoke), classes=CLASSES, false_alarms=rate)


def _counted(rows: Mapping[Key, Row]) -> dict[str, Counted]:
    return {thing: Counted.of(row) for (thing, kind), row in rows.items() if kind == TELEMETRY}
