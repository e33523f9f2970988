# SPDX-License-Identifier: Apache-2.0
"""What a review is made of: assemblies that are compared, and the items that come out."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

from template_review.cost.prices import Prices, Use, list_prices


class Level(IntEnum):
    """How much attention something needs. The verdict is the highest level of all items."""

    SAFE = 0
    LOOK = 1
    DANGEROUS = 2

    @property
    def words(self) -> str:
        """The level as a reviewer reads it."""
        return ("safe", "look closely", "dangerous")[self]


class Section(StrEnum):
    """The parts of a review, in the order they are read."""

    STACKS = "Stacks"
    RESOURCES = "Resources"
    WATCHERS = "Alarms, rules and gates: what watches, and what holds back"
    TRUST = "IAM: who may become whom, and who may use keys, buckets and other resources"
    ACCESS = "IAM: who may do what on what"
    EXPOSURE = "Network, encryption, public access"
    RETENTION = "Retention"
    GREENGRASS = "Greengrass: what reaches the devices"
    PIPELINE = "SageMaker pipeline"
    IOT_SQL = "IoT rules"
    FINDINGS = "Rule packs"
    COST = "Estimated cost"
    ASSETS = "Asset contents"
    OUTSIDE = "Outside the templates: who deploys, what is checked, the code that decides"


@dataclass(frozen=True)
class Item:
    """One thing a reviewer should know. ``sign``: + added, - removed, ~ changed, ! replaced."""

    section: Section
    level: Level
    subject: str
    text: str
    sign: str = "~"
    details: tuple[str, ...] = ()
    claims: tuple[str, ...] = field(default=(), compare=False)
    """The values that this item explains ("Stack/Id:Path"): no other section repeats them."""
    cause: str = field(default="", compare=False)
    """Items of one section with the same cause are one line, with what it holds for below."""


@dataclass(frozen=True)
class Stack:
    """A synthesised stack. ``id`` is the same in every environment, ``name`` is not."""

    id: str
    name: str
    account: str
    region: str
    template: Mapping[str, Any]
    termination_protection: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    """What CloudFormation tags every resource of the stack with; no template shows it."""
    nested: bool = False
    """Whether it is a part of another stack, whose id is the part of its own before the slash."""

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """The resources by logical id."""
        found: Mapping[str, Mapping[str, Any]] = self.template.get("Resources") or {}
        return found


@dataclass(frozen=True)
class Asset:
    """What is inside an archive or folder: a digest for each file."""

    name: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Finding:
    """What a rule pack says; ``reason`` is there when it is acknowledged."""

    rule: str
    where: str
    text: str = ""
    reason: str | None = None


@dataclass(frozen=True)
class Assembly:
    """Everything that synth says about one environment."""

    environment: str
    prefix: str
    stacks: Mapping[str, Stack]
    assets: Mapping[str, Asset] = field(default_factory=dict)
    findings: Sequence[Finding] = ()

    def to_json(self) -> dict[str, Any]:
        """For the cache of base assemblies."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Assembly":
        """What ``to_json`` wrote."""
        return cls(
            environment=document["environment"],
            prefix=document["prefix"],
            stacks={key: Stack(**value) for key, value in document["stacks"].items()},
            assets={key: Asset(**value) for key, value in document["assets"].items()},
            findings=[Finding(**value) for value in document["findings"]],
        )


@dataclass(frozen=True)
class ResourceChange:
    """One resource as the CDK's semantic differ sees it.

    ``properties`` and ``others`` are what changed; the values of ``properties`` are the differ's
    impacts (WILL_UPDATE, WILL_REPLACE, MAY_REPLACE).
    """

    id: str
    old_type: str | None
    new_type: str | None
    impact: str
    properties: Mapping[str, str]
    others: Sequence[str] = ()
    stateful: bool = False


@dataclass(frozen=True)
class Gate:
    """A number that holds something back. ``name`` is matched against names of parameters and
    variables without regard to letters and underscores."""

    name: str
    higher_is_stricter: bool
    off: float
    """From here on it holds nothing back."""
    meaning: str
    """What passes when it is looser."""

    def matches(self, name: str) -> bool:
        """Whether a parameter or variable is this gate."""
        return re.fullmatch(self.name, name.replace("_", "").lower()) is not None

    def judge(self, was: Any, now: Any) -> tuple[Level, str] | None:
        """How a new number changes the gate; None if they are no numbers."""
        try:
            old, new = float(was), float(now)
        except (TypeError, ValueError):
            return None
        if old == new:
            return None
        if (new > old) == self.higher_is_stricter:
            return Level.LOOK, "stricter"
        off = new <= self.off if self.higher_is_stricter else new >= self.off
        far = new < old / 2 if self.higher_is_stricter else new >= 10 * max(old, 0.1)
        if off or far:
            return Level.DANGEROUS, f"{'switched off' if off else 'far looser'}: {self.meaning}"
        return Level.LOOK, f"looser: {self.meaning}"


@dataclass(frozen=True)
class FileKind:
    """Files whose change shows in no template. ``compare`` takes a file's text before and after
    ("" where it is new or gone) and says what the change means."""

    pattern: str
    level: Level
    meaning: str
    compare: Callable[[str, str], Iterable[tuple[Level, str]]] | None = None


@dataclass(frozen=True)
class Project:
    """What a project tells the review about itself: its plug-in. Everything has a default."""

    sections: Sequence[Callable[["Pair"], list[Item]]] = ()
    """Further sections; each gets one environment before and after and returns what it says."""
    gates: Sequence[Gate] = ()
    known_accounts: frozenset[str] = frozenset()
    """Accounts of others that may be named, beside those that AWS publishes images from."""
    files: Sequence[FileKind] = ()
    """What a change of a file means that no template shows; the first pattern that fits counts."""
    own_code: frozenset[str] = frozenset()
    """The top folders in assets that are the project's own code, not installed packages."""
    more_apps: Sequence[Path] = ()
    """Files with ``available(tree)`` and ``build(app, environment)``: further apps whose stacks
    are reviewed with each environment's own."""
    use: Use = field(default_factory=Use)
    """How much an environment is used, for the estimated cost."""
    prices: Prices = field(default_factory=list_prices)

    def gate(self, name: str) -> Gate | None:
        """The gate that a parameter or variable is, if any."""
        return next((gate for gate in self.gates if gate.matches(name)), None)


@dataclass(frozen=True)
class Pair:
    """One environment before and after. ``base`` is None when the environment is new."""

    environment: str
    base: Assembly | None
    head: Assembly | None
    changes: Mapping[str, Sequence[ResourceChange]] = field(default_factory=dict)
    moves: Sequence[Item] = ()
    """What is said of stacks that are elsewhere; ``base`` is already there."""
    project: Project = field(default_factory=Project)

    def both(self) -> list[tuple[Stack, Stack]]:
        """The stacks that exist before and after."""
        if self.base is None or self.head is None:
            return []
        return [
            (self.base.stacks[key], stack)
            for key, stack in self.head.stacks.items()
            if key in self.base.stacks
        ]
