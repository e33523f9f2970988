# SPDX-License-Identifier: Apache-2.0
"""The fleet rehearsal, stage by stage: enrol, let simulated time pass, compare."""

import importlib.util
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Console

from contracts.atomic_file import write_file
from ministack_edge.pid_file import PidFile
from ministack_edge.process import LocalAws
from rehearsal.account import Account
from rehearsal.aws_client import Cloud
from rehearsal.commands import Operator
from rehearsal.enrolment import Kit, make_kit
from rehearsal.errors import RehearsalError
from rehearsal.fleet.arrivals import Arrivals, Comparison, compare, read
from rehearsal.fleet.asking import ask_all, judge_answers, judge_page, table
from rehearsal.fleet.camera_in_memory import GOOD, KINDS
from rehearsal.fleet.findings import Findings
from rehearsal.fleet.generator import FAULTS, TELEMETRY_MINUTES, Fault, Pace, faults, pace_for
from rehearsal.fleet.host import Host
from rehearsal.fleet.judgement import judge_faults, judge_items, judge_rollout, judge_telemetry
from rehearsal.fleet.load import Load, load_of
from rehearsal.fleet.playing import Play
from rehearsal.fleet.rollouts import Rollouts
from rehearsal.fleet.sites import SiteProcess, Truth
from rehearsal.progress import Stages
from rehearsal.questions import NO_ENGINE

PER_SITE = 25
FEWEST_SITES = 5
CANARIES = 5
ARRIVAL_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is simulated. ``ticks``: into how many parts the hours are divided."""

    cameras: int
    hours: float
    ticks: int
    seed: int
    faults: bool = True
    models: bool = True

    @property
    def pace(self) -> Pace:
        """How often its cameras report."""
        return pace_for(self.cameras, self.hours)

    @property
    def per_site(self) -> int:
        """Cameras at a site: each is a process."""
        return max(1, min(PER_SITE, self.cameras // FEWEST_SITES))


@dataclass(kw_only=True)
class FleetRehearsal:
    """One fleet in one environment."""

    host: Host
    size: Size
    console: Console
    stages: Stages = field(init=False)
    findings: Findings = field(init=False)
    truth: Truth = field(default_factory=Truth)

    def __post_init__(self) -> None:
        self.stages, self.findings = Stages(self.console), Findings(self.console)

    def run(self) -> None:
        """Go through all stages. Raises RehearsalError where one cannot go on."""
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
        account = self.host.account(self.stages, cleanup)
        fleet = self._enrol(account, cleanup)
        size = self.size
        going_wrong = faults(
            size.seed,
            cameras=size.cameras,
            per_site=size.per_site,
            ticks=size.ticks,
            kinds=FAULTS if size.faults else (),
        )
        play = self._play(fleet, going_wrong)
        self._compare(fleet, play, going_wrong)
        if size.models:
            self._roll_out(account, fleet, play)
        self._ask(fleet, play)
        if words := self.host.leave(account):
            self.console.print(words, markup=False, soft_wrap=True)

    @property
    def _serial_prefix(self) -> str:
        return f"sim-{self.size.seed}-"

    def _ours(self, thing: str) -> bool:
        """Whether a thing is of this run: a local AWS that was kept has those of others."""
        return thing.startswith(f"{self.host.settings.prefix}-{self._serial_prefix}")

    def _load(self, aws: LocalAws) -> Load:
        pid = PidFile.of(aws.work).alive()
        return load_of(pid) if pid else Load(seconds=0, bytes=0)

    def _enrol(self, account: Account, cleanup: ExitStack) -> "Enrolled":
        operator = Operator(
            environment_name=self.host.name, variables=account.environment(account.people.operator)
        )
        cloud = account.cloud(account.people.operator)
        outputs = cloud.outputs()
        serials = [f"{self._serial_prefix}{number:04d}" for number in range(self.size.cameras)]
        with self.stages.stage("enrolment kit", "claim certificate and list, by `make enrolment`"):
            kit = make_kit(operator, serials, self.host.work / "enrolment", account.aws)
        before = self._load(account.aws)
        with self.stages.stage("enrol", f"{len(serials)} cameras over MQTT with mutual TLS"):
            sites = self._sites(account, outputs, kit, serials, cleanup)
            sites[0].start()
            unlisted = sites[0].ask("warm", serial="unlisted", wait=600)["refused"]
            started, failed = time.monotonic(), []
            for site in sites:
                if not site.running:
                    site.start()
                failed.append(site.ask("enrol", wait=1800)["failed"])
            seconds = time.monotonic() - started
        after = self._load(account.aws)
        refused = {key: text for part in failed for key, text in part.items()}
        known = len(self.truth.things)
        self.findings.add(
            "cameras enrolled",
            f"{known} in {seconds:.1f} s, {known / seconds:.1f} a second",
            bound=f"all {len(serials)}",
            kept=known == len(serials) and not refused,
        )
        self.findings.add("enrolments tried again", len(self.truth.again))
        self.findings.add(
            "a serial number that is not on the list",
            "refused" if unlisted else "taken",
            bound="refused",
            kept=bool(unlisted),
        )
        self._say_load("enrolment", before, after, seconds)
        if refused:
            raise RehearsalError(f"cameras that did not enrol: {list(refused.items())[:5]}")
        canaries = list(range(0, len(serials), max(1, len(serials) // CANARIES)))[:CANARIES]
        with self.stages.stage("canaries", "some cameras get models first, by `make cameras`"):
            operator.run("tools.cameras", "--canary", ",".join(serials[one] for one in canaries))
        return Enrolled(
            canaries=canaries,
            aws=account.aws,
            operator=operator,
            cloud=cloud,
            outputs=outputs,
            sites=sites,
            serials=serials,
        )

    def _sites(
        self,
        account: Account,
        outputs: Mapping[str, str],
        kit: Kit,
        serials: list[str],
        cleanup: ExitStack,
    ) -> list[SiteProcess]:
        settings = self.host.settings
        bins = settings.bins.policy()
        given: dict[str, Any] = {
            "seed": self.size.seed,
            "mqtt_port": account.aws.mqtt_port,
            "root_ca": str(kit.endpoint.root_ca),
            "claim": [str(kit.claim.certificate), str(kit.claim.key)],
            "prefix": settings.prefix,
            "template": outputs["ProvisioningTemplate"],
            "nucleus": "java" if settings.camera.manages_nucleus else "lite",
            "topic_prefix": settings.camera.topic_prefix,
            "bins": bins.to_json(),
        }
        folder = self.host.work / "sites"
        sites = []
        for first in range(0, len(serials), self.size.per_site):
            number = first // self.size.per_site
            cameras = dict(enumerate(serials[first : first + self.size.per_site], first))
            own = {**given, "cameras": cameras, "folder": str(folder / f"site-{number}")}
            site = SiteProcess(own, folder / f"site-{number}.json", self.truth.hear)
            cleanup.callback(site.cut_power)
            sites.append(site)
        return sites

    def _play(self, fleet: "Enrolled", going_wrong: Sequence[Fault]) -> Play:
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
        before = self._load(fleet.aws)
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
        self._say_load("play", before, self._load(fleet.aws), seconds)
        return play

    def _say_load(self, what: str, before: Load, after: Load, seconds: float) -> None:
        used = after.seconds - before.seconds
        self.findings.add(
            f"local AWS during {what}",
            f"{used:.0f} s of processor in {seconds:.0f} s, {after.bytes / 2**20:.0f} MiB",
        )

    def _compare(self, fleet: "Enrolled", play: Play, going_wrong: Sequence[Fault]) -> None:
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
                # It goes on asking to connect, for minutes; that it is refused was seen.
                fleet.sites[number // self.size.per_site].ask("remove", number=number)

    def _roll_out(self, account: Account, fleet: "Enrolled", play: Play) -> None:
        size = self.size
        rollouts = Rollouts(
            root=replace(fleet.cloud, person=None, _clients={}),
            outputs=fleet.outputs,
            permissions=account.aws.permissions,
            sites=fleet.sites,
            canaries=frozenset(fleet.canaries),
            news=self.stages.news,
            probe=self._things(fleet, play)[-1],
            minute=size.hours * 60,
            # Items as before, because a canary is compared with its own past.
            pace=replace(size.pace, telemetry_minutes=TELEMETRY_MINUTES),
        )
        cameras = size.cameras - len(play.revoked)
        for kind in (GOOD, *(kind for kind in KINDS if kind != GOOD), GOOD):
            with self.stages.stage("roll out", f"a model: {kind}"):
                done = rollouts.roll_out(kind)
            judge_rollout(self.findings, done, fleet=cameras - len(fleet.canaries))
        # So that each camera says which model it has.
        rollouts.play()

    def _ask(self, fleet: "Enrolled", play: Play) -> None:
        """Ask what is asked of a fleet every day, over all that arrived."""
        if importlib.util.find_spec("duckdb") is None:
            self.stages.news(NO_ENGINE)
            return
        with self.stages.stage("read", "the whole archive again, rollouts included"):
            found, result = self._arrived(fleet, play)
        lost = sum(result.lost.values())
        self.findings.add("items lost until now", lost, bound="0", kept=not lost)
        versions: dict[str, str] = {}
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
        judge_answers(self.findings, answers, found, versions=versions, ours=self._ours)
        with self.stages.stage("fleet", "every camera, as the reader's role"):
            page = self.host.work / "fleet.html"
            for line in judge_page(self.findings, fleet.operator, page, versions)[:5]:
                self.stages.news(line)
        text = table(answers)
        write_file(self.host.work / "questions.md", text + "\n")
        self.console.print(text, markup=False, soft_wrap=True)

    def _things(self, fleet: "Enrolled", play: Play) -> list[str]:
        """The cameras of the fleet that are in service and no canaries."""
        return [
            self.truth.things[serial]
            for number, serial in enumerate(fleet.serials)
            if number not in fleet.canaries and serial not in play.refused
        ]

    def _arrived(self, fleet: "Enrolled", play: Play) -> tuple[Arrivals, Comparison]:
        """What arrived, once nothing is missing or time is up: functions and Firehose take some."""
        told = sum(put.told for put in self.truth.by_thing.values())
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while True:
            found = read(fleet.cloud, fleet.outputs, ours=self._ours)
            result = compare(self.truth.by_thing, found, until=play.revoked)
            complete = not result.lost and not result.strange and found.telemetry >= told
            if complete or time.monotonic() > deadline:
                return found, result
            time.sleep(2)


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """A fleet in an account."""

    aws: LocalAws
    operator: Operator
    cloud: Cloud
    outputs: Mapping[str, str]
    sites: list[SiteProcess]
    serials: list[str]
    canaries: list[int]
