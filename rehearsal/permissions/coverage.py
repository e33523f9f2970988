# SPDX-License-Identifier: Apache-2.0
"""Which granted actions were exercised, like the coverage of lines: from templates and decisions.

A pair is a role and an action that a statement of its policies allows. Pairs are compared by the
role's logical name (stack and logical id without its hash), so that the result of a rehearsal says
the same in every account.
"""

import fnmatch
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Pair = tuple[str, str]
"""Role and action."""

EXECUTION = "CloudFormation"
"""The name of the CDK bootstrap's execution role here."""
EXPLANATIONS = Path(__file__).with_name("unexercised.toml")
_HASH = re.compile(r"[0-9A-F]{8}$")
_EXPORT = re.compile(r"ExportsOutput(FnGetAtt|Ref)|[0-9A-F]{8}(Arn)?.*$")


@dataclass(frozen=True)
class Refusal:
    """A call that was refused."""

    stage: str
    principal: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.principal} may not {self.action} on {self.resource}"


@dataclass
class Exercised:
    """A ledger's content: for each pair the stages that used it, and every refusal."""

    stages: dict[Pair, set[str]] = field(default_factory=lambda: defaultdict(set))
    refused: list[Refusal] = field(default_factory=list)

    @classmethod
    def read(cls, ledger: Path, names: Mapping[str, str]) -> "Exercised":
        """Read `permissions.jsonl`; ``names`` gives the logical name of a role by its ARN.

        Decisions of principals without a logical name (people, services) count as refusals only.
        """
        found = cls()
        for line in ledger.read_text(encoding="utf-8").splitlines():
            decision = json.loads(line)
            principal, action = decision["principal"], decision["action"]
            name = names.get(principal)
            if decision["decision"] == "deny":
                found.refused.append(
                    Refusal(decision["stage"], name or principal, action, decision["resource"])
                )
            elif name is not None:
                found.stages[name, action].add(decision["stage"])
        return found

    def of(self, pair: Pair) -> set[str]:
        """The stages that exercised a granted pair, whose action may be a pattern."""
        role, pattern = pair
        return {
            stage
            for (name, action), stages in self.stages.items()
            if name == role and fnmatch.fnmatch(action.lower(), pattern.lower())
            for stage in stages
        }


def role_name(stack: str, logical_id: str) -> str:
    """The logical name of a role: `Training/TrainingRolesJobsRole`."""
    return f"{stack}/{_HASH.sub('', logical_id)}"


def granted(stack: str, template: Mapping[str, Any]) -> dict[Pair, list[str]]:
    """The pairs of a template, each with the resources of its statements as short text."""
    resources = template.get("Resources", {})
    found: dict[Pair, list[str]] = defaultdict(list)
    for logical_id, resource in resources.items():
        for role, document in _documents(logical_id, resource, resources):
            for action, target in _allowed(document):
                found[role_name(stack, role), action].append(target)
    return dict(found)


def _documents(
    logical_id: str, resource: Mapping[str, Any], resources: Mapping[str, Any]
) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The policies that a resource gives to roles, with the logical ids of these roles."""
    properties = resource.get("Properties", {})
    if resource["Type"] == "AWS::IAM::Role":
        for policy in properties.get("Policies", []):
            yield logical_id, policy["PolicyDocument"]
        for arn in properties.get("ManagedPolicyArns", []):
            attached = resources.get(arn.get("Ref", "")) if isinstance(arn, dict) else None
            if attached is not None:
                yield logical_id, attached["Properties"]["PolicyDocument"]
    elif resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for role in properties.get("Roles", []):
            yield role["Ref"], properties["PolicyDocument"]


def _allowed(document: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    statements = document["Statement"]
    for statement in [statements] if isinstance(statements, dict) else statements:
        if statement["Effect"] != "Allow":
            continue
        actions = statement["Action"]
        targets = statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            for target in targets if isinstance(targets, list) else [targets]:
                yield action, short(target)


def short(value: Any) -> str:
    """A template's ARN in readable form, with references by name."""
    if not isinstance(value, Mapping):
        return str(value)
    (function, argument), *_ = value.items()
    match function:
        case "Ref":
            return "${" + _HASH.sub("", str(argument)) + "}"
        case "Fn::GetAtt":
            return "${" + _HASH.sub("", str(argument[0])) + "}"
        case "Fn::ImportValue":
            name = str(argument).rpartition(":")[2]
            return "${" + _EXPORT.sub("", name) + "}"
        case "Fn::Join":
            return "".join(short(part) for part in argument[1])
        case _:
            return json.dumps(value)


@dataclass(frozen=True)
class Explanation:
    """The reason for a granted pair that no rehearsal exercises."""

    role: str
    action: str
    reason: str

    def covers(self, pair: Pair) -> bool:
        """Whether it is about this pair; role and action may be patterns."""
        return fnmatch.fnmatchcase(pair[0], self.role) and fnmatch.fnmatchcase(pair[1], self.action)


@dataclass(frozen=True)
class Coverage:
    """The counts of a rehearsal, as report.json has them."""

    refused: int
    granted: int
    exercised: int
    explained: int
    open: list[Pair]
    """Neither exercised nor recorded nor explained."""
    recorded: int = 0
    """Exercised by other rehearsals, of which there is a record."""

    def report(self) -> dict[str, int]:
        """For report.json."""
        return {
            "refused": self.refused,
            "granted": self.granted,
            "exercised": self.exercised,
            "explained": self.explained,
        }

    def __str__(self) -> str:
        share = self.exercised / self.granted if self.granted else 1.0
        return (
            f"permissions: {self.refused} refused; {self.exercised} of {self.granted} granted "
            f"pairs of role and action exercised ({share:.0%})"
            + (f", {self.recorded} more by `make permissions`" if self.recorded else "")
            + f", {self.explained} explained, {len(self.open)} open"
        )


def cover(
    pairs: Iterable[Pair],
    exercised: Exercised,
    explanations: Iterable[Explanation],
    *,
    record: Exercised | None = None,
) -> Coverage:
    """Compare what is granted with what was exercised and what is explained.

    ``record`` is what other rehearsals exercised.
    """
    listed = sorted(set(pairs))
    reasons = list(explanations)
    used = [pair for pair in listed if exercised.of(pair)]
    rest = [pair for pair in listed if pair not in set(used)]
    recorded = [pair for pair in rest if record is not None and record.of(pair)]
    rest = [pair for pair in rest if pair not in set(recorded)]
    explained = [pair for pair in rest if any(reason.covers(pair) for reason in reasons)]
    return Coverage(
        refused=len(exercised.refused),
        granted=len(listed),
        exercised=len(used),
        explained=len(explained),
        open=[pair for pair in rest if pair not in set(explained)],
        recorded=len(recorded),
    )


def deployed_pairs(assembly: Path) -> dict[Pair, list[str]]:
    """The pairs of all templates of an assembly."""
    found: dict[Pair, list[str]] = {}
    for file in sorted(assembly.glob("*.template.json")):
        stack = file.name.removesuffix(".template.json").lower()
        found |= granted(stack, json.loads(file.read_text(encoding="utf-8")))
    return found


def explanations(path: Path = EXPLANATIONS) -> list[Explanation]:
    """The reasons for granted pairs that no rehearsal exercises."""
    document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    return [
        Explanation(role=role, action=action, reason=entry["reason"])
        for entry in document["unexercised"]
        for role in entry["roles"]
        for action in entry["actions"]
    ]
