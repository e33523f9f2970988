# SPDX-License-Identifier: Apache-2.0
"""The latest-state table: its rows, and the state of each camera that follows from them.

There is one row per ``thing`` and ``kind``. ``received_ms`` is the time at which AWS IoT received
the message (milliseconds since 1970), because a camera's own clock may be wrong.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DETECTION, TELEMETRY, PRESENCE = "detection", "telemetry", "presence"
DEPLOYMENT, COMPONENT = "deployment:", "component:"
"""Prefixes of kinds, followed by the deployment's id or the component's name."""
REPORT_THING, REPORT = "#fleet", "report"
"""Key of the watcher's own row; thing names cannot contain #."""
REFUSED = ("FAILED", "REJECTED", "TIMED_OUT")
"""States of a deployment that a camera did not take."""
SILENT_AFTER_INTERVALS, SHORTEST_SILENCE_SECONDS = 3, 120
"""A camera is silent if it missed this many regular messages and the minimum time has passed, so
that a camera that sends every few seconds is not reported after a short interruption."""

Row = Mapping[str, Any]


def silent_after_seconds(telemetry_seconds: int) -> int:
    """How long a camera that sends telemetry at this interval may be silent, in seconds."""
    return max(SILENT_AFTER_INTERVALS * telemetry_seconds, SHORTEST_SILENCE_SECONDS)


def packed(document: Any) -> bytes:
    """A compressed JSON document: a row holds at most 400 KB, and all cameras may be silent."""
    return zlib.compress(json.dumps(document).encode())


def unpacked(kept: bytes) -> Any:
    """The document that ``packed`` compressed."""
    return json.loads(zlib.decompress(kept))


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a camera is compared with."""

    now_ms: int
    silent_after_ms: int
    deployment: str = ""
    """Id of the current deployment of the runtime group."""
    missing_since_ms: Mapping[str, int] = field(default_factory=dict)
    """Enrolled cameras that never sent anything, and when the watcher first noticed."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """The state of one camera. Times are milliseconds since 1970; None means unknown."""

    thing: str
    last_seen_ms: int | None = None
    silent_since_ms: int | None = None
    problems: tuple[str, ...] = ()
    connected: bool | None = None
    refused: str = ""
    """Why the camera did not take the current program deployment."""
    reached: bool = False
    """Whether the current program deployment succeeded on it."""
    broken: tuple[str, ...] = ()
    """Components that do not run and will not be restarted."""
    telemetry: Row = field(default_factory=dict)
    detection: Row = field(default_factory=dict)


def cameras(rows: Iterable[Row], members: Sequence[str], watched: Watched) -> list[Camera]:
    """The cameras of the fleet, by name: ``members`` of its group, with the contents of their rows.

    Rows of other things are ignored: those cameras were taken out of service.
    """
    by_thing: dict[str, dict[str, Row]] = {thing: {} for thing in members}
    for row in rows:
        if row["thing"] in by_thing:
            by_thing[row["thing"]][row["kind"]] = row
    return [_camera(thing, by_thing[thing], watched) for thing in sorted(by_thing)]


def _camera(thing: str, rows: Mapping[str, Row], watched: Watched) -> Camera:
    telemetry = rows.get(TELEMETRY, {})
    seen = [int(rows[kind]["received_ms"]) for kind in (TELEMETRY, DETECTION) if kind in rows]
    last = max(seen, default=None)
    deployed = rows.get(DEPLOYMENT + watched.deployment, {}) if watched.deployment else {}
    status = deployed.get("status", "")
    presence = rows.get(PRESENCE)
    return Camera(
        thing=thing,
        last_seen_ms=last,
        silent_since_ms=_silent_since(last, watched.missing_since_ms.get(thing), watched),
        problems=_problems(telemetry),
        connected=None if presence is None else presence.get("event") == "connected",
        refused=(deployed.get("reason") or status) if status in REFUSED else "",
        reached=status in ("SUCCEEDED", "COMPLETED"),
        broken=tuple(_broken(rows, int(telemetry.get("received_ms", 0)))),
        telemetry=telemetry,
        detection=rows.get(DETECTION, {}),
    )


def _silent_since(last: int | None, missing: int | None, watched: Watched) -> int | None:
    since = last if last is not None else missing
    if since is None or watched.now_ms - since <= watched.silent_after_ms:
        return None
    return since


def _problems(telemetry: Row) -> tuple[str, ...]:
    text = str(telemetry.get("problem") or "")
    return tuple(part for part in text.split("; ") if part)


def _broken(rows: Mapping[str, Row], told_ms: int) -> Iterable[str]:
    """Broken components, except those that broke before the last telemetry, which run again."""
    for kind, row in sorted(rows.items()):
        broken = kind.startswith(COMPONENT) and row.get("state") == "BROKEN"
        if broken and int(row["received_ms"]) > told_ms:
            yield kind.removeprefix(COMPONENT)
