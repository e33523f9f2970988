# SPDX-License-Identifier: Apache-2.0
"""The bake: how the canaries are while they run a new model.

A look costs the same few calls whatever the number of cameras: above ``ASKED`` canaries and
``COMPARED`` cameras of the fleet it takes samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from contracts.fleet import DETECTION, PRESENCE, TELEMETRY, Row
from contracts.telemetry import UNSURE
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
from rollout.class_mix import Counts, counted, far
from rollout.latest_state import Key, latest_rows
from rollout.own_past import Counted, Past, unlike
from rollout.settings import Settings

LOOKED_AT = 33
"""Canaries in one look: as many as one call asks the table about, with three rows each."""
ASKED = 10
"""Canaries whose components are listed in one look, those that Greengrass calls unhealthy first."""
COMPARED = 50
"""Cameras of the fleet whose latest messages are compared with the canaries': one call too."""
CLASSES = 20
"""More than a city sorts by; each costs a little of the test's power, seen or not."""
_ONE_TELEMETRY = timedelta(minutes=2)
"""A canary speaks within it, also where the bake is shorter: telemetry comes once a minute."""
_TESTS = 2
NAMED = 5
"""Unwell canaries that a reason names: it goes into the execution's history."""


@dataclass(kw_only=True)
class _Seen:
    """What one look finds."""

    cores: int
    watched: list[str]
    unwell: dict[str, str] = field(default_factory=dict)
    suspects: list[str] = field(default_factory=list)
    share: float = 0.0
    """The share of the canaries that are unwell."""


def remember(*, settings: Settings, clients: Mapping[str, Any]) -> dict[str, Any]:
    """What some canaries and fleet cameras have counted by now, before they get a new model."""
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
            # Without a model a camera counts nothing, however long it has run.
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
    """How the bake is: RUNNING, SUCCEEDED or FAILED, with a reason to show.

    ``started_at`` is when the canaries' deployment began. ``memory`` is what the look before
    answered; a first look has none. ``past`` is what ``remember`` answered. A canary is unwell when
    one of our components is BROKEN, or when it is a suspect in two looks in a row: an error, a
    restart or a silence that happens once may be a power cut. FAILED too where canaries answer a
    class far more often than the fleet, or report far more or less than by their own past.
    """
    last, before = Memory.read(memory, now), Past.read(past)
    deployed = datetime.fromisoformat(started_at)
    cores, found = awake(clients["greengrass"], settings.group_arn("canary"), deployed)
    canaries = found[:LOOKED_AT]
    watched = [canary.thing for canary in canaries]
    rows = _rows(watched, settings, clients) if watched else None
    messages = Messages(rows=rows or {}, past=before.canary, deployed=deployed, now=now)
    seen = _Seen(cores=cores, watched=watched)
    _examine(seen, canaries, messages, last, settings=settings, greengrass=clients["greengrass"])
    mix = _mix(rows or {}, watched, last, settings)
    different = _different(mix, settings) or _unlike(before, rows or {}, deployed, settings)
    after = replace(
        last,
        looked_at=now,
        suspects=tuple(seen.suspects),
        mix=mix,
        heard=last.heard or _heard(rows, watched, deployed),
    )
    status, reason = _judge(seen, different, settings)
    if status == "RUNNING" and _is_over(
        last, now, suspected=bool(seen.suspects), settings=settings
    ):
        status, reason = _end(after, now, reason, settings)
    return {"status": status, "reason": reason, "memory": after.text()}


def _examine(
    seen: _Seen,
    canaries: Sequence[Canary],
    messages: Messages,
    last: Memory,
    *,
    settings: Settings,
    greengrass: Any,
) -> None:
    """Note who is unwell. Components are asked about the unhealthy first, and stand for the rest
    of the unhealthy where there are more."""
    first = sorted(canaries, key=lambda canary: canary.healthy)[:ASKED]
    asked = {canary.thing for canary in first}
    unhealthy = sum(not canary.healthy for canary in canaries)
    weight = max(1.0, unhealthy / ASKED)
    since = (last.looked_at, messages.now) if last.looked_at else None
    count = 0.0
    for thing in seen.watched:
        faults = {}
        if thing in asked:
            faults = component_faults(greengrass, thing, settings, since)
        stands_for = weight if faults else 1.0
        faults |= message_faults(messages, thing, settings)
        seen.suspects += [f"{thing}/{kind}" for kind in faults if kind != BROKEN]
        if found := certain(thing, faults, last.suspects):
            seen.unwell[thing] = found
            count += stands_for
    seen.share = count / len(seen.watched) if seen.watched else 0.0


def _heard(rows: Mapping[Key, Row] | None, watched: Sequence[str], deployed: datetime) -> bool:
    """Whether a canary spoke since it got the model; also where none has ever sent telemetry."""
    if rows is None:
        return True
    told = [rows[thing, TELEMETRY] for thing in watched if (thing, TELEMETRY) in rows]
    deployed_ms = deployed.timestamp() * 1000
    return not told or any(row["received_ms"] >= deployed_ms for row in told)


def _end(after: Memory, now: datetime, reason: str, settings: Settings) -> tuple[str, str]:
    """What becomes of a bake whose time is up: it is as long again where no canary was heard."""
    if after.heard:
        return "SUCCEEDED", reason
    if now < after.since + max(timedelta(minutes=2 * settings.bake_minutes), _ONE_TELEMETRY):
        return "RUNNING", f"waiting for telemetry of a canary; {reason}"
    return "FAILED", f"no canary has sent telemetry since it got the model; {reason}"


def _is_over(last: Memory, now: datetime, *, suspected: bool, settings: Settings) -> bool:
    """Whether the bake's time is up; suspects get one look more, which settles them."""
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
    return "RUNNING", summary


def _rows(
    watched: list[str], settings: Settings, clients: Mapping[str, Any]
) -> dict[Key, Row] | None:
    """The latest messages of the canaries, and of some of the fleet."""
    fleet = _members(clients["iot"], settings.group_name("fleet"), COMPARED)
    keys = [(thing, kind) for thing in watched for kind in (TELEMETRY, DETECTION, PRESENCE)]
    others = [thing for thing in fleet if thing not in watched]
    keys += [(thing, kind) for thing in others for kind in (TELEMETRY, DETECTION)]
    return latest_rows(settings.insights_stack, keys, clients)


def _members(iot: Any, group: str, most: int) -> list[str]:
    found = iot.list_things_in_thing_group(thingGroupName=group, maxResults=most)
    return list(found["things"])


def _mix(
    rows: Mapping[Key, Row], watched: list[str], last: Memory, settings: Settings
) -> dict[str, tuple[int, int]]:
    """The counts with the items that are newer than the last look: one of each camera at most."""
    if last.looked_at is None:
        return dict(last.mix)
    after_ms = last.looked_at.timestamp() * 1000
    items = {
        thing: UNSURE if row["confidence"] < settings.unsure_below else str(row["class"])
        for (thing, kind), row in sorted(rows.items())
        if kind == DETECTION and row["received_ms"] > after_ms
    }
    canaries = [items[thing] for thing in watched if thing in items]
    fleet = [name for thing, name in items.items() if thing not in watched]
    return counted(last.mix, zip(canaries, fleet, strict=False))


def _different(mix: Counts, settings: Settings) -> str:
    name = far(mix, classes=CLASSES, false_alarms=_false_alarms(settings))
    if name is None:
        return ""
    more, less = mix[name]
    return (
        f"canaries answer {name!r} more often than the fleet: {more} times where it did not, "
        f"{less} times the other way round"
    )


def _unlike(past: Past, rows: Mapping[Key, Row], deployed: datetime, settings: Settings) -> str:
    """How canaries report otherwise than by their past; only cameras that spoke since count."""
    deployed_ms = deployed.timestamp() * 1000
    now = {
        thing: Counted.of(row)
        for (thing, kind), row in rows.items()
        if kind == TELEMETRY and row["received_ms"] >= deployed_ms
    }
    return unlike(past, now, classes=CLASSES, false_alarms=_false_alarms(settings))


def _false_alarms(settings: Settings) -> float:
    """Of one of the two tests: the setting is for both."""
    return settings.false_alarm_percent / 100 / _TESTS
