# SPDX-License-Identifier: Apache-2.0
"""Simulated time passes: the sites play tick by tick, and faults begin and end."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from rehearsal.commands import Operator
from rehearsal.fleet.generator import (
    FULL_DISK,
    LOST_NETWORK,
    OF_SITES,
    POWER_CUT,
    REVOKED,
    STEPPED_CLOCK,
    Fault,
    Pace,
    site_of,
)
from rehearsal.fleet.sites import SiteProcess, Truth

TICK_SECONDS = 600
LONGEST_PLAY_BEFORE_A_CUT = 1.0


@dataclass(kw_only=True)
class Play:
    """Plays a fleet. ``serials`` are in the order of the cameras' numbers."""

    sites: Sequence[SiteProcess]
    serials: Sequence[str]
    per_site: int
    operator: Operator
    truth: Truth
    seed: int
    pace: Pace
    news: Callable[[str], None]
    refused: dict[str, str] = field(default_factory=dict)
    """By serial number, how a camera without its certificate was refused."""
    revoked: dict[str, set[int]] = field(default_factory=dict)
    """By thing, the items that it had before its certificate was revoked."""
    told_at_end: dict[str, int] = field(default_factory=dict)
    """By thing that had a fault: how much telemetry it had sent when that was over."""
    failed: list[str] = field(default_factory=list)
    _full: set[int] = field(default_factory=set)

    def run(self, faults: Sequence[Fault], *, ticks: int, minutes: float) -> float:
        """Play so many ticks of so many simulated minutes; the seconds that it took."""
        started = time.monotonic()
        for tick in range(ticks):
            for fault in faults:
                if fault.ends == tick and fault.kind != REVOKED:
                    self._end(fault)
            for fault in faults:
                if fault.begins == tick:
                    self._begin(fault)
            self._play(tick, minutes, [f.who for f in faults if _cuts(f, tick)])
        return time.monotonic() - started

    def things_of(self, fault: Fault) -> list[str]:
        """The things that a fault is about."""
        first, many = fault.who, 1
        if fault.kind in OF_SITES:
            first, many = fault.who * self.per_site, self.per_site
        return [self.truth.things[serial] for serial in self.serials[first : first + many]]

    def _play(self, tick: int, minutes: float, cut: Sequence[int]) -> None:
        playing = [site for site in self.sites if site.running]
        for site in playing:
            full = any(self.sites[who] is site for who in self._full)
            # A full disk takes nothing, so there is nothing to wait for.
            patience = 0 if full else 30
            first, last = tick * minutes, (tick + 1) * minutes
            site.order("play", first=first, last=last, pace=asdict(self.pace), flush_s=patience)
        if cut:
            chance = random.Random(f"{self.seed}/{tick}")  # noqa: S311 - a simulation
            time.sleep(chance.uniform(0.05, LONGEST_PLAY_BEFORE_A_CUT))
            for who in cut:
                self.sites[who].cut_power()
                self.truth.power_cut(self.sites[who].cameras.values())
        for site in playing:
            if site.running:
                self._note(site, site.answer(TICK_SECONDS))

    def _note(self, site: SiteProcess, answer: dict[str, dict[str, str]]) -> None:
        self.failed += [f"{site.name}: {one}" for one in answer.get("failed", {}).items()]

    def _begin(self, fault: Fault) -> None:
        if fault.kind == FULL_DISK:
            self._full.add(fault.who)
            self.sites[fault.who].ask("disk", full=True)
        elif fault.kind == LOST_NETWORK:
            self._site(fault).ask("network", number=fault.who, lost=True)
        elif fault.kind == STEPPED_CLOCK:
            self._site(fault).ask("clock", number=fault.who, step_s=fault.step_s)
        elif fault.kind == REVOKED:
            self._revoke(fault)
        where = "site" if fault.kind in OF_SITES else "camera"
        self.news(f"{fault.kind}: {where} {fault.who}")

    def _revoke(self, fault: Fault) -> None:
        serial = self.serials[fault.who]
        thing = self.truth.things[serial]
        self._site(fault).ask("drain", numbers=[fault.who], timeout=60)
        self.revoked[thing] = set(self.truth.of(thing).items)
        self.operator.run("tools.cameras", "--retire", serial)
        answer = self._site(fault).ask("reconnect", number=fault.who)
        self.refused[serial] = answer.get("refused", "")

    def _end(self, fault: Fault) -> None:
        if fault.kind == POWER_CUT:
            site = self.sites[fault.who]
            site.start()
            self._note(site, site.ask("enrol"))
        elif fault.kind == FULL_DISK:
            self._full.discard(fault.who)
            self.sites[fault.who].ask("disk", full=False)
        elif fault.kind == LOST_NETWORK:
            self._site(fault).ask("network", number=fault.who, lost=False)
        else:
            self._site(fault).ask("clock", number=fault.who, step_s=0)
        for thing in self.things_of(fault):
            self.told_at_end[thing] = self.truth.of(thing).told

    def _site(self, fault: Fault) -> SiteProcess:
        return self.sites[site_of(fault.who, self.per_site)]


def _cuts(fault: Fault, tick: int) -> bool:
    return fault.kind == POWER_CUT and fault.begins == tick
