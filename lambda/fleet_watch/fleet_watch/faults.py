# SPDX-License-Identifier: Apache-2.0
"""The faults in the fleet, which of them began or ended, and when to send a mail about them.

If many cameras have the same fault, it counts as one. It is reported when it begins and ends.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.fleet import Camera

ENDED_AFTER_MS = 10 * 60_000
"""A fault has ended when it was absent for this long: one that comes and goes is one fault."""
MAILS, MAIL_EVERY_MS = 4, 15 * 60_000
"""Limits mails to a burst and then one per interval: a spreading fault must not send hundreds."""
NAMES_KEPT, SHOWN_IN_MAIL = 20, 50
_DIGEST, _NUMBER = re.compile(r"\b[0-9a-f]{12,}\b"), re.compile(r"\d+")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault, with the number of affected cameras and some of their names."""

    text: str
    since_ms: int
    cameras: int
    names: tuple[str, ...]
    settled: bool = False
    """Seen in two runs: cameras that fail together may not all be visible in the same run."""
    reported: bool = False
    absent_since_ms: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON form, which is stored between runs."""
        return {**vars(self), "names": list(self.names)}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Fault":
        return cls(**{**kept, "names": tuple(kept["names"])})


@dataclass(frozen=True, kw_only=True)
class Report:
    """The watcher's state from one run to the next."""

    faults: dict[str, Fault] = field(default_factory=dict)
    ended: list[Fault] = field(default_factory=list)
    """Faults that have ended but were not mailed yet."""
    mails_left: float = MAILS
    at_ms: int = 0
    missing_since_ms: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        faults = {key: one.to_json() for key, one in self.faults.items()}
        return {**vars(self), "faults": faults, "ended": [one.to_json() for one in self.ended]}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Report":
        faults = {key: Fault.from_json(one) for key, one in kept["faults"].items()}
        ended = [Fault.from_json(one) for one in kept["ended"]]
        return cls(**{**kept, "faults": faults, "ended": ended})


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail for people."""

    subject: str
    text: str


def present(cameras: Sequence[Camera], now_ms: int) -> dict[str, Fault]:
    """The current faults, by a key that stays the same while the fault lasts."""
    found: dict[str, Fault] = {}
    for camera in cameras:
        for key, text, since in _of_camera(camera, now_ms):
            one = found.get(key) or Fault(text=text, since_ms=since, cameras=0, names=())
            found[key] = replace(
                one,
                since_ms=min(one.since_ms, since),
                cameras=one.cameras + 1,
                names=(*one.names, camera.thing)[:NAMES_KEPT],
            )
    return found


def _of_camera(camera: Camera, now_ms: int) -> Iterator[tuple[str, str, int]]:
    if camera.silent_since_ms is not None:
        never = "has never sent anything" if camera.last_seen_ms is None else "is silent"
        yield f"silent:{camera.thing}", f"{camera.thing} {never}", camera.silent_since_ms
        return  # its last message may no longer be true
    for problem in camera.problems:
        yield f"problem:{_alike(problem, camera.thing)}", f"Problem: {problem}", now_ms
    if camera.refused:
        text = f"The camera program's deployment was refused: {camera.refused}"
        yield f"refused:{_alike(camera.refused, camera.thing)}", text, now_ms
    for component in camera.broken:
        yield f"broken:{component}", f"Component {component} is broken", now_ms


def _alike(text: str, thing: str) -> str:
    """The text without parts that differ between cameras with the same fault."""
    return _NUMBER.sub("#", _DIGEST.sub("#", text.replace(thing, "<camera>")))[:300]


def missing_since(
    members: Iterable[str], known: Iterable[str], report: Report, now_ms: int
) -> dict[str, int]:
    """Members that have never sent anything, and when that was first noticed."""
    heard = set(known)
    return {
        thing: report.missing_since_ms.get(thing, now_ms) for thing in members if thing not in heard
    }


def compare(report: Report, now: dict[str, Fault], now_ms: int) -> Report:
    """The report after a run that found the faults in ``now``."""
    faults: dict[str, Fault] = {}
    ended = list(report.ended)
    for key, one in now.items():
        faults[key] = one
        if before := report.faults.get(key):
            since = min(before.since_ms, one.since_ms)
            faults[key] = replace(one, since_ms=since, reported=before.reported, settled=True)
    for key in report.faults.keys() - now.keys():
        before = report.faults[key]
        since = now_ms if before.absent_since_ms is None else before.absent_since_ms
        # A camera that sends again has recovered at once: its next silence is a new fault.
        if key.startswith("silent:") or now_ms - since >= ENDED_AFTER_MS:
            ended += [before] if before.reported else []
        else:
            faults[key] = replace(before, absent_since_ms=since)
    left = min(MAILS, report.mails_left + (now_ms - report.at_ms) / MAIL_EVERY_MS)
    return replace(report, faults=faults, ended=ended, mails_left=left, at_ms=now_ms)


def mail(report: Report, *, place: str) -> tuple[Report, Mail | None]:
    """The mail about faults that began and ended, if one is due, and the report after it.

    ``place`` names the environment in the subject.
    """
    begun = [one for one in report.faults.values() if not one.reported]
    due = report.ended or any(one.settled for one in begun)
    if not due or report.mails_left < 1:
        return report, None
    counts = [
        f"{len(faults)} {what}"
        for faults, what in ((begun, "began"), (report.ended, "ended"))
        if faults
    ]
    lines = [
        *_section("Began", begun, report.at_ms),
        *_section("Ended", report.ended, report.at_ms),
        "`make fleet` shows every camera.",
    ]
    after = replace(
        report,
        faults={key: replace(one, reported=True) for key, one in report.faults.items()},
        ended=[],
        mails_left=report.mails_left - 1,
    )
    subject = f"Binsight {place}: problems: {', '.join(counts)}"[:100]
    return after, Mail(subject=subject, text="\n".join(lines))


def _section(title: str, faults: Iterable[Fault], now_ms: int) -> Iterator[str]:
    shown = sorted(faults, key=lambda one: (-one.cameras, one.text))
    if not shown:
        return
    yield f"{title}:"
    for one in shown[:SHOWN_IN_MAIL]:
        minutes = (now_ms - one.since_ms) // 60_000
        yield f"- {one.text}{_where(one)}, since {minutes} min"
    if len(shown) > SHOWN_IN_MAIL:
        yield f"- and {len(shown) - SHOWN_IN_MAIL} more"
    yield ""


def _where(fault: Fault) -> str:
    """The affected cameras; empty if the text already names the only one."""
    if fault.cameras == 1 and fault.names[0] in fault.text:
        return ""
    if fault.cameras == 1:
        return f" on {fault.names[0]}"
    more = ", ..." if fault.cameras > len(fault.names) else ""
    return f" on {fault.cameras} cameras ({', '.join(fault.names)}{more})"
