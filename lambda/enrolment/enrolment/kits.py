# SPDX-License-Identifier: Apache-2.0
"""Expiry of enrolment kits: AWS IoT itself lets a claim certificate live until the year 2049."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

_DAY = 86_400


class Kits(Protocol):
    """What this needs of the registry."""

    def active_kits(self) -> list[Mapping[str, Any]]: ...
    def close(self, certificate_id: str) -> None: ...


def close_expired(registry: Kits, now: int) -> dict[str, Any]:
    """Deactivate the claim certificates of expired kits. ``now`` in seconds since 1970.

    Returns how many were closed and the whole days that the next kit to expire has left (None
    without an active kit), and logs the same.
    """
    closed, left = 0, []
    for kit in registry.active_kits():
        remaining = int(kit["expires_at"]) - now
        if remaining <= 0:
            registry.close(str(kit["id"]).removeprefix("kit#"))
            closed += 1
        else:
            left.append(remaining // _DAY)
    found = {"kits_closed": closed, "days_left": min(left, default=None)}
    print(json.dumps({"message": "enrolment kits", **found}))
    return found
