# SPDX-License-Identifier: Apache-2.0
"""Distinguishes silent canaries from a late table of latest messages.

AWS IoT calls the function that writes the table asynchronously: if that is throttled, rows arrive
minutes late, for the fleet and the canaries alike. ``received_ms`` is the time at which AWS IoT
received a message, so the table is complete at most up to its newest row.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from contracts.fleet import PRESENCE, TELEMETRY, Row
from rollout.latest_state import Key
from rollout.settings import Settings

_TIMES = 2
"""Canaries must be silent this many times as often as the fleet for their silence to count."""


class Lateness(NamedTuple):
    """``as_of``: the time up to which the table is complete.

    ``shared``: the fleet is silent too. ``said``: why silence is not evidence now; empty if it is.
    """

    as_of: datetime
    shared: bool = False
    said: str = ""


def lateness(
    rows: Mapping[Key, Row],
    watched: Sequence[str],
    *,
    deployed: datetime,
    now: datetime,
    settings: Settings,
) -> Lateness:
    """Compare the canaries' silence with that of fleet cameras that were sending until the rollout.

    Cameras that AWS IoT reported as disconnected are excluded. Without such fleet cameras, silence
    counts against the canaries.
    """
    heard = {
        thing: float(row["received_ms"])
        for (thing, kind), row in rows.items()
        if kind == TELEMETRY and rows.get((thing, PRESENCE), {}).get("event") != "disconnected"
    }
    canaries = [heard.pop(thing) for thing in watched if thing in heard]
    deployed_ms = deployed.timestamp() * 1000
    until_ms = deployed_ms - settings.silent_after_ms
    # Cameras that were asleep before the rollout are no evidence, watched or not.
    fleet = [ms for thing, ms in heard.items() if ms >= until_ms]
    if not fleet or not canaries:
        return Lateness(now)
    now_ms = now.timestamp() * 1000
    # A row may be newer than the start of this look.
    newest_ms = min(now_ms, max(*fleet, *canaries))
    behind_ms = now_ms - newest_ms
    late = behind_ms > settings.silent_after_ms
    silent, silent_fleet = (
        sum(now_ms - max(ms, deployed_ms) > settings.silent_after_ms for ms in group)
        for group in (canaries, fleet)
    )
    # Add one, because a single camera of the fleet is not proof.
    fleet_share, share = silent_fleet / (len(fleet) + 1), silent / len(watched)
    shared = silent > 0 and share <= _TIMES * fleet_share
    said = ""
    if late:
        said = f"the table is {behind_ms / 60_000:.0f} min late"
    elif shared and 100 * share > settings.maximum_failed_percent:
        said = "telemetry is late in the fleet too"
    if said:
        said += f": {silent} canaries and {silent_fleet} of {len(fleet)} fleet cameras are silent"
    return Lateness(datetime.fromtimestamp(newest_ms / 1000, UTC) if late else now, shared, said)
