# SPDX-License-Identifier: Apache-2.0
"""SUMMARY.md: what one environment consists of, short enough to read in a pull request.

``python -m template_review.rendering.summary ASSEMBLY ENVIRONMENT`` prints it for an assembly.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from template_review.comparison.properties import at
from template_review.comparison.text import Texts, compact, short, shown
from template_review.config import load, prefix_of
from template_review.cost.estimate import monthly
from template_review.iam.grants import DEVICE, IDENTITY, RESOURCE, TRUST, Grant, grants
from template_review.iam.items import merged, sentence
from template_review.iot.greengrass import COMPONENT, DEPLOYMENT, component_name, group
from template_review.iot.sql import TYPE as RULE
from template_review.iot.sql import query
from template_review.model import Assembly, Project, Stack
from template_review.resources.stateful import holds
from template_review.sagemaker.pipeline import TYPE as PIPELINE
from template_review.sagemaker.pipeline import definition, steps
from template_review.synthesis.assembly import read_assembly

_KINDS = (
    (TRUST, "Who may become whom"),
    (RESOURCE, "What keys, buckets and other resources allow"),
    (DEVICE, "What devices may do"),
    (IDENTITY, "What roles may do"),
)
_CONTENT_VERSION = re.compile(r"«[^»]*»\.Version[.\d]*|\b\d+\.\d{3,}\.\d{3,}\b")
Resource = tuple[Stack, str, str, Mapping[str, Any], Mapping[str, Any]]
"""(stack, logical id, type, properties as text, the resource itself)."""


def summary(assembly: Assembly, project: Project, note: str = "") -> str:
    """The same assembly gives the same text, its lines sorted. ``note`` is its first paragraph."""
    found = list(_resources(assembly))
    lines = [
        f"# {assembly.environment}",
        "",
        note or "Generated from the templates; do not edit by hand.",
        "",
        *_section("Stacks", _stacks(assembly)),
        *_section("Resources by type", _types(found)),
        *_section("Stateful", _stateful(found)),
        *_section("Topics", _topics(found)),
        *_section("Greengrass", _greengrass(found)),
        *_section("Training", _training(found)),
        *_section("Schedules and events", _events(found)),
        *_section("Kept for", _retention(found)),
    ]
    everything = grants(assembly)
    for kind, title in _KINDS:
        lines += _section(f"IAM: {title}", _statements(everything, kind))
    lines += _section("Accepted rule findings", _accepted(assembly))
    lines += _section("Estimated cost", _cost(assembly, project))
    return "\n".join(lines).rstrip() + "\n"


def _section(title: str, lines: Iterator[str]) -> list[str]:
    found = list(lines)
    return [f"## {title}", "", *found, ""] if found else []


def _resources(assembly: Assembly) -> Iterator[Resource]:
    texts = Texts(assembly)
    for key in sorted(assembly.stacks):
        stack = assembly.stacks[key]
        for name, resource in sorted(stack.resources.items()):
            properties = texts.value(resource.get("Properties") or {}, stack)
            yield stack, name, str(resource.get("Type")), properties, resource


def _stacks(assembly: Assembly) -> Iterator[str]:
    for key in sorted(assembly.stacks):
        stack = assembly.stacks[key]
        protected = ", termination protection" if stack.termination_protection else ""
        place = f"{stack.account}/{stack.region}"
        yield f"- {key}: `{stack.name}` in {place}, {len(stack.resources)} resources{protected}"


def _types(found: list[Resource]) -> Iterator[str]:
    for kind, count in sorted(Counter(kind for _, _, kind, _, _ in found).items()):
        yield f"- {count} {kind}"


def _stateful(found: list[Resource]) -> Iterator[str]:
    for stack, name, kind, _, resource in found:
        if holds(kind):
            policy = resource.get("DeletionPolicy", "Delete")
            fate = "goes with its stack" if policy == "Delete" else f"outlives its stack ({policy})"
            yield f"- `{stack.id}/{short(name)}` ({kind.removeprefix('AWS::')}): {fate}"


def _topics(found: list[Resource]) -> Iterator[str]:
    for stack, name, kind, properties, _ in found:
        if kind != RULE:
            continue
        payload = at(properties, "TopicRulePayload") or {}
        parts = query(str(payload.get("Sql")))
        targets = ", ".join(sorted(kind for each in payload.get("Actions") or () for kind in each))
        what = f"`{parts.topic}`: {', '.join(parts.fields)}" if parts else f"`{payload.get('Sql')}`"
        only = f" where {parts.where}" if parts and parts.where else ""
        yield f"- {what}{only} -> {targets} (`{stack.id}/{short(name)}`)"


def _greengrass(found: list[Resource]) -> Iterator[str]:
    names = {
        f"«{name}»": str(properties.get("ThingGroupName", short(name)))
        for _, name, kind, properties, _ in found
        if kind == "AWS::IoT::ThingGroup"
    }
    for _, name, kind, properties, _ in found:
        if kind == COMPONENT:
            component, version = component_name(properties)
            yield f"- component {component} {_stable(version)} (`{short(name)}`)"
        elif kind == DEPLOYMENT:
            target = group(properties, names)
            parts = sorted(
                f"{part} {_stable(str(each.get('ComponentVersion')))}"
                for part, each in (properties.get("Components") or {}).items()
            )
            yield f"- thing group {target} gets {', '.join(parts)} (`{short(name)}`)"


def _training(found: list[Resource]) -> Iterator[str]:
    for stack, name, kind, properties, _ in found:
        if kind != PIPELINE:
            continue
        document = definition(properties)
        yield f"- pipeline `{stack.id}/{short(name)}`: {' -> '.join(steps(document))}"
        for each in document.get("Parameters") or ():
            yield f"  - {each.get('Name')} = {compact(each.get('DefaultValue', 'no default'))}"


def _events(found: list[Resource]) -> Iterator[str]:
    for stack, name, kind, properties, _ in found:
        if kind == "AWS::Events::Rule":
            pattern = properties.get("EventPattern") or {}
            when = properties.get("ScheduleExpression") or shown(
                f"{', '.join(pattern.get('source') or ())}: "
                f"{', '.join(pattern.get('detail-type') or ())}"
            )
            off = " (off)" if properties.get("State") == "DISABLED" else ""
            targets = ", ".join(
                shown(compact(each.get("Arn"))) for each in properties.get("Targets") or ()
            )
            yield f"- {when} -> {targets} (`{stack.id}/{short(name)}`){off}"


def _retention(found: list[Resource]) -> Iterator[str]:
    for stack, name, kind, properties, _ in found:
        where = f"`{stack.id}/{short(name)}`"
        if kind == "AWS::Logs::LogGroup":
            yield f"- {where}: {_days(properties.get('RetentionInDays'))}"
        for rule in at(properties, "LifecycleConfiguration.Rules") or ():
            expiry, old = rule.get("ExpirationInDays"), at(rule, "NoncurrentVersionExpiration")
            said = [f"objects {_days(expiry)}"] if expiry else []
            said += [f"old versions {_days(old.get('NoncurrentDays'))}"] if old else []
            below = f" under {rule['Prefix']}" if rule.get("Prefix") else ""
            if said:
                yield f"- {where}{below}: {', '.join(said)}"


def _days(number: Any) -> str:
    if number is None:
        return "for ever"
    return f"{number} day" if str(number) == "1" else f"{number} days"


def _statements(everything: set[Grant], kind: str) -> Iterator[str]:
    mine = sorted(
        (grant for grant in everything if grant.kind == kind),
        key=lambda grant: (grant.who, grant.owner, grant.action, grant.resource),
    )
    said = {
        sentence(example.who, example.effect, actions, resources, example.condition)
        for example, actions, resources in merged(mine)
    }
    for line in sorted(said):
        yield f"- {_stable(line).replace('*', chr(92) + '*')}"


def _accepted(assembly: Assembly) -> Iterator[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in assembly.findings:
        if each.reason is not None:
            rule = each.rule.split("[", 1)[0]
            reasons.setdefault((rule, each.reason), []).append(each.where)
    for (rule, reason), places in sorted(reasons.items()):
        yield f"- {rule}: {reason} ({', '.join(f'`{each}`' for each in sorted(set(places)))})"


def _cost(assembly: Assembly, project: Project) -> Iterator[str]:
    amounts = monthly(assembly, project)
    total, words = sum(amounts.values()), project.use.words
    yield f"- about ${total:.0f} a month at {project.prices.words} for {words}"
    for name, amount in amounts.items():
        yield f"  - {name}: ${amount:.2f}"


def _stable(text: str) -> str:
    """Without what changes with every change of code."""
    return shown(_CONTENT_VERSION.sub("(version from content)", text))


def main() -> int:
    """Print the summary of an assembly that was synthesised before."""
    if len(sys.argv) != 3:
        usage = "usage: python -m template_review.rendering.summary ASSEMBLY-FOLDER ENVIRONMENT"
        print(usage, file=sys.stderr)
        return 2
    folder, name = Path(sys.argv[1]), sys.argv[2]
    config = load(Path.cwd())
    assembly = read_assembly(folder, name, prefix_of(config, Path.cwd(), name))
    print(summary(assembly, config.project), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
