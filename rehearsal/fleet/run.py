# SPDX-License-Identifier: Apache-2.0
"""One run of the fleet rehearsal: its size, results, and the actions of its cameras."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from ministack_edge.pid_file import PidFile
from ministack_edge.process import LocalAws
from rehearsal.aws_client import Cloud
from rehearsal.commands import Operator
from rehearsal.enrolment import Kit
from rehearsal.fleet.findings import Findings
from rehearsal.fleet.generator import Pace, pace_for
from rehearsal.fleet.host import Host
from rehearsal.fleet.load import Load, load_of
from rehearsal.fleet.sites import SiteProcess, Truth
from rehearsal.progress import Stages

PER_SITE = 25
FEWEST_SITES = 5
MANY_CAMERAS, REAL_OF_MANY = 50, 10


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is simulated. ``cameras`` are generated, ``real`` ones come beside them.

    ``ticks``: into how many parts the hours are divided.
    """

    cameras: int
    hours: float
    ticks: int
    seed: int
    real: int = 0
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


def real_of(cameras: int) -> int:
    """How many of so many cameras run the real program unless REAL= says otherwise."""
    return REAL_OF_MANY if cameras >= MANY_CAMERAS else 0


@dataclass(kw_only=True)
class Run:
    """What all stages of a run share."""

    host: Host
    size: Size
    console: Console
    stages: Stages = field(init=False)
    findings: Findings = field(init=False)
    truth: Truth = field(default_factory=Truth)
    model: Path | None = None
    """An archive for the real cameras; without one a small model is trained."""

    def __post_init__(self) -> None:
        self.stages, self.findings = Stages(self.console), Findings(self.console)

    @property
    def serial_prefix(self) -> str:
        """How the serial numbers of the generated cameras begin."""
        return f"sim-{self.size.seed}-"

    def ours(self, thing: str) -> bool:
        """Whether this run generated a thing.

        A reused local AWS has those of other runs, and real cameras are checked separately.
        """
        return thing.startswith(f"{self.host.settings.prefix}-{self.serial_prefix}")

    def load(self, aws: LocalAws) -> Load:
        """What the local AWS has used until now."""
        pid = PidFile.of(aws.work).alive()
        return load_of(pid) if pid else Load(seconds=0, bytes=0)

    def say_load(self, what: str, before: Load, after: Load, seconds: float) -> None:
        """Print what the local AWS used between two measurements."""
        used = after.seconds - before.seconds
        self.findings.add(
            f"local AWS during {what}",
            f"{used:.0f} s of processor in {seconds:.0f} s, {after.bytes / 2**20:.0f} MiB",
        )


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """A fleet in an account. ``canaries`` are numbers of generated cameras."""

    aws: LocalAws
    operator: Operator
    cloud: Cloud
    outputs: Mapping[str, str]
    sites: list[SiteProcess]
    serials: list[str]
    canaries: list[int]
    kit: Kit
