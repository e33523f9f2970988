# SPDX-License-Identifier: Apache-2.0
"""The fleet rehearsal, stage by stage: enrol, let simulated time pass, compare."""

import importlib.util
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from contracts.atomic_file import write_file
from rehearsal.account import Account
from rehearsal.errors import RehearsalError
from rehearsal.fleet.archives import RealArchives, pretended
from rehearsal.fleet.arrivals import Arrivals, Comparison, compare, read
from rehearsal.fleet.asking import ask_all, judge_answers, judge_page, table
from rehearsal.fleet.camera_in_memory import GOOD, KINDS
from rehearsal.fleet.enrolling import enrol_fleet
from rehearsal.fleet.generator import FAULTS, TELEMETRY_MINUTES, Fault, faults
from rehearsal.fleet.host import BUFFER_SECONDS
from rehearsal.fleet.judgement import judge_faults, judge_items, judge_rollout, judge_telemetry
from rehearsal.fleet.playing import Play
from rehearsal.fleet.real import (
    RealCameras,
    judge_real,
    judge_real_items,
    start,
    trained_model,
)
from rehearsal.fleet.rollouts import Rollouts
from rehearsal.fleet.run import Enrolled, Run
from rehearsal.questions import NO_ENGINE

ARRIVAL_SECONDS = 600
"""The table's function takes one message at a time, so it is behind after a burst."""


@dataclass(kw_only=True)
class FleetRehearsal(Run):
    """One fleet in one environment."""

    _trained: Path = Path()
    """The archive that the models of real cameras are made of."""
    _photos: Sequence[Path] = ()
    """What is shown to them."""
    _objects: dict[str, bytes] = field(default_factory=dict)
    """Of the archive, as far as it was read."""

    def run(self) -> None:
        """Run all stages. Raises RehearsalError if one cannot continue."""
        try:
            with ExitStack() as cleanup:
                self._run(cleanup)
        finally:
            document = {
                "size": vars(self.size),
                "stages": self.stages.report(),
                "findings": self.findings.report(),
            }
            self.host.work.mkdir(parents=True, exist_ok=True)
            write_file(self.host.work / "fleet.json", json.dumps(document, indent=2) + "\n")

    def _run(self, cleanup: ExitStack) -> None:
        if self.size.real:
            # Before anything else runs: a training takes the whole machine.
            self._trained, self._photos = trained_model(self, cleanup)
        account = self.host.account(self.stages, cleanup)
        fleet = enrol_fleet(self, account, cleanup)
        size = self.size
        going_wrong = faults(
            size.seed,
            cameras=size.cameras,
            per_site=size.per_site,
            ticks=size.ticks,
            kinds=FAULTS if size.faults else (),
        )
        real = self._real(fleet, cleanup) if size.real else None
        play = self._play(fleet, going_wrong)
        self._compare(fleet, play, going_wrong)
        if size.models:
            self._roll_out(account, fleet, play, real)
        if real is not None:
            # What they send must not change between the answers and what they are compared with.
            real.stop()
            time.sleep(2 * BUFFER_SECONDS)
        self._ask(fleet, play, real)
        if words := self.host.leave(account):
            self.console.print(words, markup=False, soft_wrap=True)

    def _real(self, fleet: Enrolled, cleanup: ExitStack) -> RealCameras:
        """Start the cameras that run the real program."""
        with self.stages.stage("real cameras", f"{self.size.real} install the program"):
            real = start(self, fleet, self._photos, self.stages.progress)
        cleanup.callback(real.stop)
        return real

    def _play(self, fleet: Enrolled, going_wrong: Sequence[Fault]) -> Play:
        size = self.size
        play = Play(
            sites=fleet.sites,
            serials=fleet.serials,
            per_site=size.per_site,
            operator=fleet.operator,
            truth=self.truth,
            seed=size.seed,
            pace=size.pace,
            news=self.stages.news,
        )
        before = self.load(fleet.aws)
        with self.stages.stage("play", f"{size.hours:g} simulated hours in {size.ticks} parts"):
            self.stages.news(
                f"each camera: {size.pace.items_per_hour:g} items an hour on average, telemetry "
                f"every {size.pace.telemetry_minutes} simulated minutes"
            )
            started = time.monotonic()
            play.run(going_wrong, ticks=size.ticks, minutes=size.hours * 60 / size.ticks)
            waiting: dict[str, int] = {}
            for site in fleet.sites:
                gone = play.refused
                numbers = [n for n, serial in site.cameras.items() if serial not in gone]
                waiting |= site.ask("drain", numbers=numbers, timeout=60, wait=600)["waiting"]
            seconds = time.monotonic() - started
        sent = sum(len(put.items) + put.told for put in self.truth.by_thing.values())
        self.findings.add(
            "messages held", f"{sent} in {seconds:.1f} s, {sent / seconds:.0f} a second"
        )
        self.findings.add(
            "items that still wait", sum(waiting.values()), bound="0", kept=not waiting
        )
        self.say_load("play", before, self.load(fleet.aws), seconds)
        return play

    def _compare(self, fleet: Enrolled, play: Play, going_wrong: Sequence[Fault]) -> None:
        purpose = "what was sent with what is in the archive and the table"
        with self.stages.stage("compare", purpose):
            found, result = self._arrived(fleet, play)
        judge_items(self.findings, result, play, going_wrong)
        judge_telemetry(self.findings, found, self.truth.by_thing)
        judge_faults(self.findings, play, going_wrong)
        if play.failed:
            raise RehearsalError(f"{len(play.failed)} cameras failed: {play.failed[:3]}")
        for number, serial in enumerate(fleet.serials):
            if serial in play.refused:
                # It keeps trying to connect for minutes; the refusal was already observed.
                fleet.sites[number // self.size.per_site].ask("remove", number=number)

    def _roll_out(
        self, account: Account, fleet: Enrolled, play: Play, real: RealCameras | None
    ) -> None:
        size = self.size
        rollouts = Rollouts(
            root=replace(fleet.cloud, person=None, _clients={}),
            outputs=fleet.outputs,
            permissions=account.aws.permissions,
            sites=fleet.sites,
            canaries=frozenset(fleet.canaries),
            news=self.stages.news,
            archive=RealArchives(trained=self._trained) if real else pretended,
            probe=self._things(fleet, play)[-1],
            minute=size.hours * 60,
            # Items as before, because a canary is compared with its own past.
            pace=replace(size.pace, telemetry_minutes=TELEMETRY_MINUTES),
        )
        # A revoked camera may be a canary.
        followers = sum(
            number not in fleet.canaries and serial not in play.refused
            for number, serial in enumerate(fleet.serials)
        )
        for kind in (GOOD, *(kind for kind in KINDS if kind != GOOD), GOOD):
            with self.stages.stage("roll out", f"a model: {kind}"):
                done = rollouts.roll_out(kind)
            judge_rollout(self.findings, done, fleet=followers)
            if real is not None:
                judge_real(self, real, kind, done.version)
        # So that each camera says which model it has.
        rollouts.play()

    def _ask(self, fleet: Enrolled, play: Play, real: RealCameras | None) -> None:
        """Ask the daily questions of a fleet, over everything that arrived."""
        if importlib.util.find_spec("duckdb") is None:
            self.stages.news(NO_ENGINE)
            return
        with self.stages.stage("read", "the whole archive again, rollouts included"):
            found, result = self._arrived(fleet, play)
        lost = sum(result.lost.values())
        self.findings.add("items lost until now", lost, bound="0", kept=not lost)
        versions = real.versions if real else {}
        if real is not None:
            judge_real_items(self.findings, real, found)
        for site in fleet.sites:
            if site.running:
                versions |= site.ask("versions")["versions"]
        size, camera = self.size, self.host.settings.camera
        with self.stages.stage("questions", "every named query, as the reader's role"):
            per_message = {
                name: found.stored[name] / max(found.messages[name], 1) for name in found.stored
            }
            answers, errors = ask_all(
                fleet.operator,
                self.host.work / "answers.json",
                per_camera_day={
                    "detections": per_message.get("detections", 0) * size.pace.items_per_hour * 24,
                    "telemetry": per_message.get("telemetry", 0)
                    * (86_400 / camera.telemetry_seconds),
                },
            )
            for name, error in errors.items():
                self.stages.news(f"only Athena understands the query {name}: {error}")
        judge_answers(self.findings, answers, found, versions=versions, ours=self.ours)
        with self.stages.stage("fleet", "every camera, as the reader's role"):
            page = self.host.work / "fleet.html"
            for line in judge_page(self.findings, fleet.operator, page, versions)[:5]:
                self.stages.news(line)
        text = table(answers)
        write_file(self.host.work / "questions.md", text + "\n")
        self.console.print(text, markup=False, soft_wrap=True)

    def _things(self, fleet: Enrolled, play: Play) -> list[str]:
        """The generated cameras in service; the last is a canary only where all are."""
        in_service = [
            (number not in fleet.canaries, self.truth.things[serial])
            for number, serial in enumerate(fleet.serials)
            if serial not in play.refused
        ]
        return [thing for _, thing in sorted(in_service)]

    def _arrived(self, fleet: Enrolled, play: Play) -> tuple[Arrivals, Comparison]:
        """The messages that arrived, once none is missing or the time is up."""
        told = sum(put.told for put in self.truth.by_thing.values())
        started = time.monotonic()
        while True:
            found = read(fleet.cloud, fleet.outputs, ours=self.ours, known=self._objects)
            result = compare(self.truth.by_thing, found, until=play.revoked)
            complete = not result.lost and not result.strange and found.telemetry >= told
            waited = time.monotonic() - started
            if complete or waited > ARRIVAL_SECONDS:
                self.findings.add(
                    "until all had arrived and the table was up to date", f"{waited:.0f} s"
                )
                return found, result
            time.sleep(5)
