# SPDX-License-Identifier: Apache-2.0
"""The bake: how the canaries are while they run a new model.

A look costs one call for each page of the canary group, one for each canary that it looks at and a
few for the latest messages: it does not depend on how many cameras the fleet has.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from contracts.fleet import DETECTION, PRESENCE, TELEMETRY, Row
from rollout.canary_health import BROKEN, awake, certain, component_faults, message_faults
from rollout.class_mix import Counts, counted, far
from rollout.latest_state import Key, latest_rows
from rollout.settings import Settings

LOOKED_AT = 100
"""Canaries in one look, those that Greengrass calls unhealthy first: a look must end in time."""
COMPARED = 100
"""Cameras of the fleet whose latest items are compared with the canaries'."""
CLASSES = 20
"""More than a city sorts by; each costs a little of the test's power, seen or not."""
UNSURE = "unsure"
NAMED = 5
"""Unwell canaries that a reason names: it goes into the execution's history."""


@dataclass(frozen=True, kw_only=True)
class _Memory:
    """What a look leaves for the next one."""

    since: datetime
    looked_at: datetime | None = None
    suspects: tuple[str, ...] = ()
    """Such as camera-1/ERRORED."""
    mix: Counts = field(default_factory=dict)

    def text(self) -> str:
        times = {"since": self.since.isoformat(), "looked_at": str(self.looked_at)}
        return json.dumps({**times, "suspects": self.suspects, "mix": self.mix})

    @classmethod
    def read(cls, text: str | None, now: datetime) -> "_Memory":
        if text is None:
            return cls(since=now)
        kept = json.loads(text)
        return cls(
            since=datetime.fromisoformat(kept["since"]),
            looked_at=datetime.fromisoformat(kept["looked_at"]),
            suspects=tuple(kept["suspects"]),
            mix={name: (pair[0], pair[1]) for name, pair in kept["mix"].items()},
        )


def look(
    *,
    started_at: str,
    settings: Settings,
    clients: Mapping[str, Any],
    now: datetime,
    memory: str | None = None,
) -> dict[str, Any]:
    """How the bake is: RUNNING, SUCCEEDED or FAILED, with a reason to show.

    ``started_at`` is when the canaries' deployment began. ``memory`` is what the look before
    answered; a first look has none. A canary is unwell when one of our components is BROKEN, or
    when it is a suspect in two looks in a row: an error, a restart or a silence that happens once
    may be a power cut. FAILED too where canaries answer a class far more often than the fleet.
    """
    last, deployed = _Memory.read(memory, now), datetime.fromisoformat(started_at)
    cores, watched = awake(clients["greengrass"], settings.group_arn("canary"), deployed)
    watched = watched[:LOOKED_AT]
    rows = _rows(watched, settings, clients) if watched else None
    since = (last.looked_at, now) if last.looked_at else None
    unwell: dict[str, str] = {}
    suspects: list[str] = []
    for thing in watched:
        faults = component_faults(clients["greengrass"], thing, settings, since)
        if rows is not None:
            faults |= message_faults(rows, thing, settings, deployed=deployed, now=now)
        suspects += [f"{thing}/{kind}" for kind in faults if kind != BROKEN]
        if found := certain(thing, faults, last.suspects):
            unwell[thing] = found
    mix = _mix(rows or {}, watched, last, settings)
    status, reason = _judge(
        unwell,
        watched=len(watched),
        cores=cores,
        different=_different(mix, settings),
        settings=settings,
    )
    if status == "RUNNING" and _is_over(last, now, suspected=bool(suspects), settings=settings):
        status = "SUCCEEDED"
    after = replace(last, looked_at=now, suspects=tuple(suspects), mix=mix)
    return {"status": status, "reason": reason, "memory": after.text()}


def _is_over(last: _Memory, now: datetime, *, suspected: bool, settings: Settings) -> bool:
    """Whether the bake's time is up; suspects get one look more, which settles them."""
    end = last.since + timedelta(minutes=settings.bake_minutes)
    settled = last.looked_at is not None and last.looked_at >= end
    return now >= end and (settled or not suspected)


def _judge(
    unwell: Mapping[str, str], *, watched: int, cores: int, different: str, settings: Settings
) -> tuple[str, str]:
    summary = f"{watched} of {cores} canaries watched, {len(unwell)} unwell"
    most = settings.maximum_failed_percent
    if unwell and 100 * len(unwell) / watched > most:
        named = "; ".join(f"{thing}: {fault}" for thing, fault in list(unwell.items())[:NAMED])
        return "FAILED", f"more than {most:g} % of canaries are unwell: {summary}: {named}"
    if different:
        return "FAILED", f"{different}; {summary}"
    return "RUNNING", summary


def _rows(
    watched: list[str], settings: Settings, clients: Mapping[str, Any]
) -> dict[Key, Row] | None:
    """The latest messages of the canaries, and the latest items of some of the fleet."""
    fleet = clients["iot"].list_things_in_thing_group(
        thingGroupName=settings.group_name("fleet"), maxResults=COMPARED
    )["things"]
    keys = [(thing, kind) for thing in watched for kind in (TELEMETRY, DETECTION, PRESENCE)]
    keys += [(thing, DETECTION) for thing in fleet if thing not in watched]
    return latest_rows(settings.insights_stack, keys, clients)


def _mix(
    rows: Mapping[Key, Row], watched: list[str], last: _Memory, settings: Settings
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
    percent = settings.false_alarm_percent
    name = far(mix, classes=CLASSES, false_alarms=percent / 100)
    if name is None:
        return ""
    more, less = mix[name]
    return (
        f"canaries answer {name!r} more often than the fleet: {more} times where it did not, "
        f"{less} times the other way round"
    )
