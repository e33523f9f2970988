# SPDX-License-Identifier: Apache-2.0
"""The faults of one canary: its components' states in Greengrass, and its own messages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from contracts.fleet import PRESENCE, TELEMETRY, Row
from rollout.latest_state import Key
from rollout.own_past import UNCHANGED, Counted, Pace, slower
from rollout.settings import Settings

BROKEN, ERRORED, RESTARTS, MESSAGES = "BROKEN", "ERRORED", "RESTARTS", "MESSAGES"
"""Kinds of faults: the first is certain, each other one if it is seen in two looks in a row."""
_STARTS = ("INSTALLED", "STARTING", "RUNNING", "FINISHED", "STOPPING")
"""States that a component passes through when it is restarted."""
_SHOWN = 100
"""Characters that are kept of a text from a camera."""


_LISTED = 100
"""Cores per call: a canary group needs no more."""


class Canary(NamedTuple):
    """A core that reported since the deployment."""

    thing: str
    healthy: bool


def awake(greengrass: Any, group_arn: str, deployed: datetime) -> tuple[int, list[Canary]]:
    """How many cores the group has, and those that reported since ``deployed``, by name.

    The last message of a sleeping camera is not about this model.
    """
    cores = greengrass.list_core_devices(thingGroupArn=group_arn, maxResults=_LISTED)["coreDevices"]
    found = [
        Canary(core["coreDeviceThingName"], core["status"] != "UNHEALTHY")
        for core in cores
        if core["lastStatusUpdateTimestamp"] >= deployed
    ]
    return len(cores), sorted(found)


def certain(thing: str, faults: Mapping[str, str], suspects: Sequence[str]) -> str:
    """The certain faults, given the suspects of the previous look; empty if there are none.

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
    """By kind, our components that are broken, in error or restarted on a canary.

    ``since``: the last look and this one, None in the first. The time of a change may be the
    camera's own, and a camera whose clock is ahead must not look as if it restarted.
    """
    ours = (settings.component, settings.inference_component)
    found: dict[str, str] = {}
    for part in _installed(greengrass, thing):
        name, state = part["componentName"], part["lifecycleState"]
        changed = part.get("lastStatusChangeTimestamp")
        if name not in ours:
            # Other programs on the box have nothing to do with the model.
            continue
        if state in (BROKEN, ERRORED):
            details = str(part.get("lifecycleStateDetails") or "")[:_SHOWN]
            found[state] = f"{name} is {state} {details}".rstrip()
        elif since and changed and since[0] < changed <= since[1] and state in _STARTS:
            found[RESTARTS] = f"{name} restarts"
    return found


@dataclass(frozen=True, kw_only=True)
class Messages:
    """The cameras' last messages, and the canaries' counts before the rollout."""

    rows: Mapping[Key, Row]
    past: Mapping[str, Counted]
    deployed: datetime
    as_of: datetime
    """The time up to which the table is complete."""
    silence_counts: bool = True
    """False where the fleet is as silent as the canaries."""
    pace: Pace = UNCHANGED
    """The change of the fleet's speed."""


def message_faults(messages: Messages, thing: str, settings: Settings) -> dict[str, str]:
    """Faults in a canary's latest messages; none for one that never sent telemetry."""
    rows, deployed, now = messages.rows, messages.deployed, messages.as_of
    telemetry = rows.get((thing, TELEMETRY))
    if telemetry is None:
        return {}
    deployed_ms, now_ms = deployed.timestamp() * 1000, now.timestamp() * 1000
    heard_ms = max(float(telemetry["received_ms"]), deployed_ms)
    if now_ms - heard_ms > settings.silent_after_ms:
        disconnected = rows.get((thing, PRESENCE), {}).get("event") == "disconnected"
        # A camera without power or network is asleep, whatever model it has.
        silent = f"no telemetry for {(now_ms - heard_ms) / 60_000:.0f} min"
        return {} if disconnected or not messages.silence_counts else {MESSAGES: silent}
    # The deployment only succeeds once the model is adopted: a message without one is older.
    if telemetry["received_ms"] < deployed_ms or not telemetry.get("model"):
        return {}
    before = messages.past.get(thing)
    faults = list(_telemetry_faults(telemetry, settings, before))
    if before and not faults:
        most = settings.maximum_slowdown_percent
        faults += slower(before, Counted.of(telemetry), most_percent=most, pace=messages.pace)
    return {MESSAGES: ", ".join(faults)} if faults else {}


def _telemetry_faults(telemetry: Row, settings: Settings, before: Counted | None) -> Iterator[str]:
    """A camera that was already slower than the limits is compared only with itself."""
    was = before if before and before.streaming else None
    if telemetry.get("problem"):
        yield str(telemetry["problem"])[:_SHOWN]
    if telemetry.get("source_state") != "streaming":
        return
    if telemetry["fps"] < settings.minimum_fps <= (was.fps if was else settings.minimum_fps):
        yield f"{telemetry['fps']} frames per second"
    most_ms = settings.maximum_latency_ms
    if telemetry["p99_ms"] > most_ms >= (was.p99_ms if was else most_ms):
        yield f"latency {telemetry['p99_ms']} ms (99 %)"


def _installed(greengrass: Any, thing: str) -> Sequence[Mapping[str, Any]]:
    """The components of a core; none if it was taken out of service after it was listed."""
    pages = greengrass.get_paginator("list_installed_components")
    try:
        return [
            part
            for page in pages.paginate(coreDeviceThingName=thing)
            for part in page["installedComponents"]
        ]
    except greengrass.exceptions.ResourceNotFoundException:
        return []
