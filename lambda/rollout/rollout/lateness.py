# SPDX-License-Identifier: Apache-2.0
"""Is it the canaries that are silent, or is the table of latest messages late?

AWS IoT calls the function that writes the table asynchronously: where that is throttled, rows come
minutes late, those of the fleet as those of the canaries. ``received_ms`` is the time at which AWS
IoT got a message, so the newest row says up to when the table is complete, at best.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from contracts.fleet import PRESENCE, TELEMETRY, Row
from rollout.latest_state import Key
from rollout.settings import Settings

_TIMES = 2
"""Silence is the canaries' own where they are silent more than so many times as often."""


class Lateness(NamedTuple):
    """``as_of``: up to when the table has what cameras sent. ``shared``: the fleet is silent too.
    ``said``: why silence proves nothing now; empty where it does."""

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
    """Compare the canaries' silence with that of the fleet's cameras that spoke until the rollout.

    Cameras that AWS IoT saw disconnect are left out. Without such a fleet silence is the canaries'.
    """
    heard = {
        thing: float(row["received_ms"])
        for (thing, kind), row in rows.items()
        if kind == TELEMETRY and rows.get((thing, PRESENCE), {}).get("event") != "disconnected"
    }
    canaries = [heard.pop(thing) for thing in watched if thing in heard]
    deployed_ms = deployed.timestamp() * 1000
    until_ms = deployed_ms - settings.silent_after_ms
    # Watched or not, what slept before the rollout is no witness.
    fleet = [ms for thing, ms in heard.items() if ms >= until_ms]
    if not fleet or not canaries:
        return Lateness(now)
    now_ms = now.timestamp() * 1000
    # A row may be newer than the moment at which this look began.
    newest_ms = min(now_ms, max(*fleet, *canaries))
    behind_ms = now_ms - newest_ms
    late = behind_ms > settings.silent_after_ms
    silent, silent_fleet = (
        sum(now_ms - max(ms, deployed_ms) > settings.silent_after_ms for ms in group)
        for group in (canaries, fleet)
    )
    # One more than there are: a single camera of the fleet is no proof.
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
