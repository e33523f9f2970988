# SPDX-License-Identifier: Apache-2.0
"""Expiry of enrolment kits: AWS IoT itself lets a claim certificate live until the year 2049."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from contracts.enrolment_kits import EXPIRE_EVENT, EXPIRING_METRIC

WARN_DAYS = 14
"""Long enough to make another kit and take it to the boxes that are still to come."""
ANNOUNCED = (13, 6, 1, 0)
"""So many whole days before a kit expires its name is mailed, and once more when it has."""
_DAY = 86_400


class Kits(Protocol):
    """What this needs of the registry."""

    def active_kits(self) -> list[Mapping[str, Any]]: ...
    def close(self, certificate_id: str) -> None: ...


def close_expired(registry: Kits, now: int) -> dict[str, Any]:
    """Deactivate the claim certificates of expired kits. ``now`` in seconds since 1970.

    Returns how many were closed, the whole days that the next kit to expire has left (None without
    an active kit), and ``expiring``: in words, each kit that was closed or has at most
    ``WARN_DAYS`` days left, and its date. ``announced`` are those of them to mail today.
    """
    closed, left, expiring, announced = 0, [], [], []
    for kit in sorted(registry.active_kits(), key=lambda item: int(item["expires_at"])):
        certificate, until = str(kit["id"]).removeprefix("kit#"), int(kit["expires_at"])
        days = (until - now) // _DAY
        date = datetime.fromtimestamp(until, UTC).date().isoformat()
        if until <= now:
            registry.close(certificate)
            closed += 1
            expiring.append(f"kit {certificate[:8]} has expired on {date}")
            announced.append(expiring[-1])
            continue
        left.append(days)
        if days < WARN_DAYS:
            expiring.append(f"kit {certificate[:8]} expires on {date}")
        if days in ANNOUNCED:
            announced.append(expiring[-1])
    return {
        "kits_closed": closed,
        "days_left": min(left, default=None),
        "expiring": expiring,
        "announced": announced,
    }


def announce(found: Mapping[str, Any], events: Any, source: str) -> None:
    """Put an event with the kits to mail today on the account's event bus; none without one.

    ``source`` is the environment's prefix. Raises RuntimeError where EventBridge takes no event.
    """
    if not found["announced"]:
        return
    entry = {
        "Source": source,
        "DetailType": EXPIRE_EVENT,
        "Detail": json.dumps({"kits": found["announced"]}),
    }
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"the event about expiring kits was not taken: {answer['Entries']}")


def report(found: Mapping[str, Any], *, namespace: str, now: int) -> None:
    """Log what ``close_expired`` found, in CloudWatch's embedded metric format.

    CloudWatch reads the metric out of the log, so the function needs no right to write metrics.
    """
    metric = {"Name": EXPIRING_METRIC, "Unit": "Count"}
    about = {"Namespace": namespace, "Dimensions": [[]], "Metrics": [metric]}
    line = {
        "_aws": {"Timestamp": now * 1000, "CloudWatchMetrics": [about]},
        "message": "enrolment kits",
        EXPIRING_METRIC: len(found["expiring"]),
        **found,
    }
    print(json.dumps(line))
