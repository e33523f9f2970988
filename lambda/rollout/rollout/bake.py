# SPDX-License-Identifier: Apache-2.0
"""The bake: how the canaries are while they run a new model, from what Greengrass knows of them.

A look costs one call for each page of the canary group and one for each canary that it looks at, so
it does not depend on how many cameras the fleet has.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rollout.settings import Settings

LOOKED_AT = 100
"""Canaries in one look, those that Greengrass calls unhealthy first: a look must end in time."""
NAMED = 5
"""Unwell canaries that a reason names: it goes into the execution's history."""
_STARTS = ("INSTALLED", "STARTING", "RUNNING", "FINISHED", "STOPPING")
"""States that a component passes through when it is restarted."""


def look(
    *,
    started_at: str,
    settings: Settings,
    greengrass: Any,
    now: datetime,
    since: str | None = None,
    looked_at: str | None = None,
    suspects: str | None = None,
) -> dict[str, Any]:
    """How the bake is: RUNNING, SUCCEEDED or FAILED, with a reason to show.

    ``started_at`` is when the canaries' deployment began. ``since``, ``looked_at`` and ``suspects``
    are what the look before answered; a first look has none. A canary is unwell when one of our
    components is BROKEN, or when it is a suspect in two looks in a row: an error or a restart that
    happens once may be a power cut. A restart after an error is how it recovers, and does not count
    twice.
    """
    cores = list(_cores(greengrass, settings.group_arn("canary")))
    deployed = datetime.fromisoformat(started_at)
    # What a camera that sleeps said last is not about this model.
    awake = [core for core in cores if core["lastStatusUpdateTimestamp"] >= deployed]
    awake.sort(key=lambda core: (core["status"] != "UNHEALTHY", core["coreDeviceThingName"]))
    watched = awake[:LOOKED_AT]
    before = set(suspects.split(",")) if suspects else set()  # such as camera-1/ERRORED
    last = datetime.fromisoformat(looked_at) if looked_at else None
    unwell: dict[str, str] = {}
    suspected: list[str] = []
    for core in watched:
        thing = core["coreDeviceThingName"]
        broken, errored, restarts = _faults(
            greengrass, thing, settings, (last, now) if last else None
        )
        suspicious, kind = (errored, "ERRORED") if errored else (restarts, "RESTARTS")
        if suspicious:
            suspected.append(f"{thing}/{kind}")
        again = before & ({f"{thing}/RESTARTS"} | ({f"{thing}/ERRORED"} if errored else set()))
        if broken or (suspicious and again):
            unwell[thing] = broken or suspicious
    began = datetime.fromisoformat(since) if since else now
    status, reason = _judge(
        unwell=unwell,
        watched=len(watched),
        cores=len(cores),
        over=_is_over(began, last, now, suspected=bool(suspected), settings=settings),
        maximum_failed_percent=settings.maximum_failed_percent,
    )
    return {
        "status": status,
        "reason": reason,
        "since": began.isoformat(),
        "looked_at": now.isoformat(),
        "suspects": ",".join(suspected) or None,
    }


def _is_over(
    began: datetime, last: datetime | None, now: datetime, *, suspected: bool, settings: Settings
) -> bool:
    """Whether the bake's time is up; suspects get one look more, which settles them."""
    end = began + timedelta(minutes=settings.bake_minutes)
    return now >= end and (not suspected or (last is not None and last >= end))


def _judge(
    *,
    unwell: Mapping[str, str],
    watched: int,
    cores: int,
    over: bool,
    maximum_failed_percent: float,
) -> tuple[str, str]:
    summary = f"{watched} of {cores} canaries watched, {len(unwell)} unwell"
    if unwell and 100 * len(unwell) / watched > maximum_failed_percent:
        named = "; ".join(f"{thing}: {fault}" for thing, fault in list(unwell.items())[:NAMED])
        return "FAILED", (
            f"more than {maximum_failed_percent:g} % of canaries are unwell: {summary}: {named}"
        )
    return ("SUCCEEDED" if over else "RUNNING"), summary


def _faults(
    greengrass: Any, thing: str, settings: Settings, since: tuple[datetime, datetime] | None
) -> tuple[str, str, str]:
    """Which of our components are broken, in error or restarted on a canary; empty: none.

    ``since``: the last look and this one, None in the first. The time of a change may be the
    camera's own, and a camera whose clock is ahead must not look as if it restarted.
    """
    broken: list[str] = []
    errored: list[str] = []
    restarted: list[str] = []
    ours = (settings.component, settings.inference_component)
    for part in _installed(greengrass, thing):
        name, state = part["componentName"], part["lifecycleState"]
        if name not in ours:
            # Other programs of the box are not the model's fault.
            continue
        details = str(part.get("lifecycleStateDetails") or "")[:100]
        changed = part.get("lastStatusChangeTimestamp")
        if state == "BROKEN":
            broken.append(" ".join(filter(None, (name, "is BROKEN", details))))
        elif state == "ERRORED":
            errored.append(" ".join(filter(None, (name, "is ERRORED", details))))
        elif since and changed and since[0] < changed <= since[1] and state in _STARTS:
            restarted.append(f"{name} restarts")
    return ", ".join(broken), ", ".join(errored), ", ".join(restarted)


def _cores(greengrass: Any, group_arn: str) -> Iterator[Mapping[str, Any]]:
    for page in greengrass.get_paginator("list_core_devices").paginate(thingGroupArn=group_arn):
        yield from page["coreDevices"]


def _installed(greengrass: Any, thing: str) -> Sequence[Mapping[str, Any]]:
    """The components of a core; none if it was taken out of service since it was listed."""
    pages = greengrass.get_paginator("list_installed_components")
    try:
        return [
            part
            for page in pages.paginate(coreDeviceThingName=thing)
            for part in page["installedComponents"]
        ]
    except greengrass.exceptions.ResourceNotFoundException:
        return []
