# SPDX-License-Identifier: Apache-2.0
"""What the rule packs say: new, fixed and acknowledged findings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from template_review.comparison.text import short
from template_review.model import Finding, Item, Level, Pair, Section, Stack


def read_findings(report: Mapping[str, Any], stacks: Mapping[str, Stack]) -> list[Finding]:
    """Open findings from the assembly's validation report, acknowledged ones from the templates."""
    return sorted(
        [*_open(report), *_acknowledged(stacks)], key=lambda each: (each.rule, each.where)
    )


def finding_items(pair: Pair) -> list[Item]:
    """Which findings come and go. An open one fails the synth, and so the deployment."""
    if pair.base is None or pair.head is None:
        return []
    base, head = pair.base.findings, pair.head.findings
    return [*_open_items(base, head), *_acknowledged_items(base, head)]


def _open_items(base: Sequence[Finding], head: Sequence[Finding]) -> Iterator[Item]:
    old, new = _by_rule(base, acknowledged=False), _by_rule(head, acknowledged=False)
    for (rule, text), places in new.items():
        fresh = sorted(set(places) - set(old.get((rule, text), ())))
        if fresh:
            said = f"new finding, which fails the synth: {text}"
            yield _item(Level.DANGEROUS, rule, said, "+", fresh)
    for (rule, text), places in old.items():
        fixed = sorted(set(places) - set(new.get((rule, text), ())))
        if fixed:
            yield _item(Level.SAFE, rule, "fixed", "-", fixed)


def _acknowledged_items(base: Sequence[Finding], head: Sequence[Finding]) -> Iterator[Item]:
    old, new = _by_rule(base, acknowledged=True), _by_rule(head, acknowledged=True)
    before = {(rule, place) for (rule, _), places in old.items() for place in places}
    after = {(rule, place) for (rule, _), places in new.items() for place in places}
    for (rule, reason), places in new.items():
        accepted = sorted(place for place in places if (rule, place) not in before)
        known = set(places) - set(accepted)
        reworded = sorted(known - set(old.get((rule, reason), ())))
        if accepted:
            text = f"newly accepted{_detail(rule)}, because: {reason}"
            yield _item(Level.LOOK, rule, text, "+", accepted)
        if reworded:
            text = f"accepted for another reason{_detail(rule)}: {reason}"
            yield _item(Level.SAFE, rule, text, "~", reworded)
    for (rule, _), places in old.items():
        gone = sorted(place for place in places if (rule, place) not in after)
        if gone:
            yield _item(Level.SAFE, rule, f"no longer accepted{_detail(rule)}", "-", gone)


def _open(report: Mapping[str, Any]) -> Iterator[Finding]:
    for plugin in report.get("pluginReports") or ():
        for violation in plugin.get("violations") or ():
            text = str(violation.get("description", "")).split(" - (Control IDs:", 1)[0]
            for construct in violation.get("violatingConstructs") or ():
                place = str(construct.get("constructPath") or construct.get("templatePath") or "?")
                where = place.removesuffix("/Resource")
                yield Finding(str(violation.get("ruleName")), where, text)


def _acknowledged(stacks: Mapping[str, Stack]) -> Iterator[Finding]:
    for stack in stacks.values():
        for name, resource in stack.resources.items():
            known: Sequence[Mapping[str, Any]] = (
                ((resource.get("Metadata") or {}).get("cdk_nag") or {}).get("rules_to_suppress")
            ) or ()
            for each in known:
                where = f"{stack.id}/{short(name)}"
                yield Finding(str(each.get("id")), where, reason=str(each.get("reason")))


def _by_rule(
    findings: Sequence[Finding], *, acknowledged: bool
) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        if (each.reason is not None) == acknowledged:
            found.setdefault((each.rule, each.reason or each.text), []).append(each.where)
    return found


def _detail(rule: str) -> str:
    """What a granular finding is about: the part in brackets."""
    found = rule.partition("[")[2].removesuffix("]")
    return f" ({found})" if found else ""


def _item(level: Level, rule: str, text: str, sign: str, places: Sequence[str]) -> Item:
    return Item(Section.FINDINGS, level, rule.split("[", 1)[0], text, sign, tuple(places))
