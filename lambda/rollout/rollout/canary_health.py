# SPDX-License-Identifier: Apache-2.0
"""What is wrong with one canary: its components as Greengrass knows them, and what it says."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.fleet import PRESENCE, TELEMETRY, Row
from rollout.latest_state import Key
from rollout.settings import Settings

BROKEN, ERRORED, RESTARTS, MESSAGES = "BROKEN", "ERRORED", "RESTARTS", "MESSAGES"
"""Kinds of faults: the first is certain, each other when it is there in two looks in a row."""
_STARTS = ("INSTALLED", "STARTING", "RUNNING", "FINISHED", "STOPPING")
"""States that a component passes through when it is restarted."""
_SHOWN = 100
"""Characters of a text that a camera wrote."""


def awake(greengrass: Any, group_arn: str, deployed: datetime) -> tuple[int, list[str]]:
    """How many cores the group has, and those that reported since ``deployed``, unhealthy first.

    What a camera that sleeps said last is not about this model.
    """
    pages = greengrass.get_paginator("list_core_devices").paginate(thingGroupArn=group_arn)
    cores = [core for page in pages for core in page["coreDevices"]]
    found = [core for core in cores if core["lastStatusUpdateTimestamp"] >= deployed]
    found.sort(key=lambda core: (core["status"] != "UNHEALTHY", core["coreDeviceThingName"]))
    return len(cores), [core["coreDeviceThingName"] for core in found]


def certain(thing: str, faults: Mapping[str, str], suspects: Sequence[str]) -> str:
    """What is wrong for certain, given the suspects of the look before; empty: nothing.

    A restart after an error is how a component recovers, and does not count twice.
    """
    for kind, text in faults.items():
        before = (kind, RESTARTS) if kind == ERRORED else (kind,)
        if kind == BROKEN or any(f"{thing}/{one}" in suspects for one in before):
            return text
    return ""


def component_faults(
    greengrass: Any, thing: str, settings: Settings, since: tuple[datetime, datetime] | None
) -> dict[str, str]:
    """By kind, which of our components are broken, in error or restarted on a canary.

    ``since``: the last look and this one, None in the first. The time of a change may be the
    camera's own, and a camera whose clock is ahead must not look as if it restarted.
    """
    ours = (settings.component, settings.inference_component)
    found: dict[str, str] = {}
    for part in _installed(greengrass, thing):
        name, state = part["componentName"], part["lifecycleState"]
        changed = part.get("lastStatusChangeTimestamp")
        if name not in ours:
            # Other programs of the box are not the model's fault.
            continue
        if state in (BROKEN, ERRORED):
            details = str(part.get("lifecycleStateDetails") or "")[:_SHOWN]
            found[state] = f"{name} is {state} {details}".rstrip()
        elif since and changed and since[0] < changed <= since[1] and state in _STARTS:
            found[RESTARTS] = f"{name} restarts"
    return found


def message_faults(
    rows: Mapping[Key, Row], thing: str, settings: Settings, *, deployed: datetime, now: datetime
) -> dict[str, str]:
    """What a canary's latest messages say is wrong; nothing of one that never sent telemetry."""
    telemetry = rows.get((thing, TELEMETRY))
    if telemetry is None:
        return {}
    deployed_ms, now_ms = deployed.timestamp() * 1000, now.timestamp() * 1000
    heard_ms = max(float(telemetry["received_ms"]), deployed_ms)
    if now_ms - heard_ms > settings.silent_after_ms:
        disconnected = rows.get((thing, PRESENCE), {}).get("event") == "disconnected"
        # A camera without power or network is asleep, whatever model it has.
        silent = f"no telemetry for {(now_ms - heard_ms) / 60_000:.0f} min"
        return {} if disconnected else {MESSAGES: silent}
    if telemetry["received_ms"] < deployed_ms:
        return {}
    faults = list(_telemetry_faults(telemetry, settings))
    return {MESSAGES: ", ".join(faults)} if faults else {}


def _telemetry_faults(telemetry: Row, settings: Settings) -> Iterator[str]:
    if telemetry.get("problem"):
        yield str(telemetry["problem"])[:_SHOWN]
    if telemetry.get("source_state") != "streaming":
        return
    if telemetry["fps"] < settings.minimum_fps:
        yield f"{telemetry['fps']} frames per second"
    if telemetry["p99_ms"] > settings.maximum_latency_ms:
        yield f"latency {telemetry['p99_ms']} ms (99 %)"


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
