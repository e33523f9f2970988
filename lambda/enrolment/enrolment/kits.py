# SPDX-License-Identifier: Apache-2.0
"""Expiry of enrolment kits: AWS IoT's own claim certificates are valid until 2049."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from contracts.enrolment_kits import EXPIRE_EVENT, EXPIRING_METRIC

WARN_DAYS = 14
"""Enough time to make another kit and bring it to the boxes that have not enrolled."""
ANNOUNCED = (13, 6, 1, 0)
"""Mails name a kit this many whole days before it expires, and once more when it has expired."""
_DAY = 86_400


class Kits(Protocol):
    """The part of the registry that this module needs."""

    def active_kits(self) -> list[Mapping[str, Any]]: ...
    def close(self, certificate_id: str) -> None: ...


def close_expired(registry: Kits, now: int) -> dict[str, Any]:
    """Deactivate the claim certificates of expired kits. ``now`` in seconds since 1970.

    Returns how many were closed, the whole days left until the next kit expires (None without an
    active kit), and ``expiring``: a phrase with the date for each kit that was closed or has at
    most ``WARN_DAYS`` days left. ``announced`` are those to mail today.
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
    """Put an event with the kits to mail today on the account's event bus, if there are any.

    ``source`` is the environment's prefix. Raises RuntimeError if EventBridge rejects the event.
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
        raise RuntimeError(
            f"EventBridge rejected the event about expiring kits: {answer['Entries']}"
        )


def report(found: Mapping[str, Any], *, namespace: str, now: int) -> None:
    """Log what ``close_expired`` found, in CloudWatch's embedded metric format.

    CloudWatch extracts the metric from the log, so the function needs no permission to write
    metrics.
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
