# SPDX-License-Identifier: Apache-2.0
"""The bounds of a simulated fleet, line by line."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rehearsal.fleet.arrivals import Arrivals, Comparison
from rehearsal.fleet.camera_in_memory import GOOD
from rehearsal.fleet.findings import Findings
from rehearsal.fleet.generator import LOST_NETWORK, OF_SITES, POWER_CUT, REVOKED, Fault
from rehearsal.fleet.playing import Play
from rehearsal.fleet.rollouts import RolledOut
from rehearsal.fleet.sites import Put

COPIES_PER_FAULT = 1
"""A message that was being sent during a power cut or network loss may arrive twice: AWS IoT
received it without the camera's knowledge. It has the same number, so questions count it once."""


def judge_items(
    findings: Findings, comparison: Comparison, play: Play, faults: Sequence[Fault]
) -> None:
    """No item is lost, duplicated beyond the bounds, or unexpected."""
    add = findings.add
    add("items sent", comparison.sent)
    add("items arrived", comparison.arrived)
    lost = sum(comparison.lost.values())
    add("items lost that were on a disk or sent", lost, bound="0", kept=not lost)
    for line in comparison.details[:5]:
        findings.note(line)
    without_power = _things(play, faults, POWER_CUT)
    elsewhere = {thing for thing in comparison.cut if thing not in without_power}
    add(
        "items lost that were in memory only",
        sum(comparison.cut.values()),
        bound="only of cameras whose power was cut",
        kept=not elsewhere,
    )
    interrupted = _things(play, faults, POWER_CUT) + _things(play, faults, LOST_NETWORK)
    too_many = {
        thing: number
        for thing, number in comparison.copies.items()
        if number > COPIES_PER_FAULT * interrupted[thing]
    }
    add(
        "items that came twice",
        sum(comparison.copies.values()),
        bound="one for each cut or lost network of a camera",
        kept=not too_many,
    )
    strange = len(comparison.strange)
    add("items and rows that may not be", strange, bound="0", kept=not strange)
    for line in comparison.strange[:5]:
        findings.note(line)


def judge_telemetry(findings: Findings, found: Arrivals, sent: Mapping[str, Put]) -> None:
    """All acknowledged telemetry is in the archive; unacknowledged telemetry may be."""
    told = sum(put.told for put in sent.values())
    most = told + sum(len(put.silent) for put in sent.values())
    findings.add(
        "telemetry in the archive",
        found.telemetry,
        bound=f"{told} acknowledged, {most} tried",
        kept=told <= found.telemetry <= most,
    )


def judge_faults(findings: Findings, play: Play, faults: Sequence[Fault]) -> None:
    """Every camera came back, except those whose certificates were revoked."""
    kinds = Counter(fault.kind for fault in faults)
    for kind, number in sorted(kinds.items()):
        where = "sites" if kind in OF_SITES else "cameras"
        findings.add(kind, f"{number} {where}")
    gone = [
        thing
        for thing, told in play.told_at_end.items()
        if play.truth.of(thing).told <= told and thing not in play.revoked
    ]
    back = len(play.told_at_end) - len(gone)
    findings.add(
        "cameras that came back", back, bound=f"all {len(play.told_at_end)}", kept=not gone
    )
    let_in = [serial for serial, text in play.refused.items() if not text]
    findings.add(
        "revoked cameras that were refused",
        len(play.refused) - len(let_in),
        bound=f"all {kinds[REVOKED]}",
        kept=not let_in and len(play.refused) == kinds[REVOKED],
    )


def judge_rollout(findings: Findings, done: RolledOut, *, fleet: int) -> None:
    """A good model reaches every camera of the fleet, any other none."""
    good = done.kind == GOOD
    calls = sum(done.calls.values())
    findings.add(
        f"a model: {done.kind}",
        f"{done.given} of {fleet} cameras of the fleet and {done.canaries} canaries took it; "
        f"{done.status} in {done.seconds:.0f} s, {done.events} events, {calls} calls",
        bound=f"{fleet if good else 0} of the fleet",
        kept=done.given == (fleet if good else 0)
        and done.status == ("SUCCEEDED" if good else "FAILED"),
    )
    if done.reason:
        findings.note(done.reason[:300])


def _things(play: Play, faults: Sequence[Fault], kind: str) -> Counter[str]:
    """How many faults of a kind each thing had."""
    return Counter(
        thing for fault in faults if fault.kind == kind for thing in play.things_of(fault)
    )
