# SPDX-License-Identifier: Apache-2.0
"""The SageMaker pipeline: which steps and parameters change."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from template_review.comparison.leaves import Leaf, differing, same
from template_review.comparison.properties import Kept, at, resources
from template_review.comparison.text import Texts, compact
from template_review.model import Item, Level, Pair, Project, Section
from template_review.sagemaker.pipeline_gates import gate_changes

TYPE = "AWS::SageMaker::Pipeline"
_MANUAL = "PendingManualApproval"


def pipeline_items(pair: Pair) -> list[Item]:
    """Parameters, steps, gates, encryption and isolation of every training pipeline."""
    items: list[Item] = []
    for kept in resources(pair, TYPE):
        if kept.old is None or kept.new is None:
            what = "new pipeline" if kept.old is None else "the pipeline is gone"
            sign = "+" if kept.old is None else "-"
            level = Level.SAFE if kept.old is None else Level.LOOK
            items.append(Item(Section.PIPELINE, level, kept.subject, what, sign))
            continue
        old, new = definition(kept.old), definition(kept.new)
        if not old or not new:
            if at(kept.old, "PipelineDefinition") != at(kept.new, "PipelineDefinition"):
                text = "the definition changed, and it is not JSON that can be read here"
                items.append(_item(Level.LOOK, kept, text))
            continue
        items += _parameters(kept, old, new, pair.project)
        items += _steps(kept, old, new)
        for level, text in gate_changes(old, new, steps(old), steps(new)):
            items.append(_item(level, kept, text))
        if old != new and not any(item.subject == kept.subject for item in items):
            details = tuple(leaf.text for leaf in differing(old, new))
            items.append(_item(Level.LOOK, kept, "the definition changes", details=details))
    return items


def definition(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The pipeline definition as a document; empty if it cannot be read."""
    body = at(properties, "PipelineDefinition.PipelineDefinitionBody")
    found = Texts.parse(body)
    return found if isinstance(found, dict) else {}


def steps(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every step by name, those inside a condition as "Gate > Register"."""
    return dict(_walk(document.get("Steps") or (), ""))


def _walk(found: Any, inside: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for step in found:
        name = f"{inside}{step.get('Name')}"
        arguments = dict(step.get("Arguments") or {})
        nested = {key: arguments.pop(key, None) or () for key in ("IfSteps", "ElseSteps")}
        yield name, {**step, "Arguments": arguments}
        for key, branch in nested.items():
            otherwise = "otherwise " if key == "ElseSteps" else ""
            yield from _walk(branch, f"{name} > {otherwise}")


def _parameters(
    kept: Kept, old: Mapping[str, Any], new: Mapping[str, Any], project: Project
) -> Iterator[Item]:
    before, after = (
        {str(each.get("Name")): each for each in side.get("Parameters") or ()}
        for side in (old, new)
    )
    for name in sorted({*before, *after}):
        one, two = before.get(name), after.get(name)
        if one == two:
            continue
        if one is None or two is None:
            what = "added" if one is None else "removed; executions that set it fail"
            default = compact((two or one or {}).get("DefaultValue", "none"))
            text = f"parameter {name} {what} (default {default})"
            yield _item(Level.LOOK, kept, text, sign="+" if one is None else "-")
            continue
        was, now = one.get("DefaultValue"), two.get("DefaultValue")
        text = f"parameter {name}: default {compact(was)} -> {compact(now)}"
        level = Level.LOOK
        if was == _MANUAL and now == "Approved":
            level = Level.DANGEROUS
            text += ": models are deployed without a person's approval"
        elif (gate := project.gate(name)) and (judged := gate.judge(was, now)):
            level = judged[0]
            text += f": {judged[1]}"
        yield _item(level, kept, text)


def _steps(kept: Kept, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Item]:
    before, after = steps(old), steps(new)
    for name in sorted(before.keys() - after.keys()):
        gate = before[name].get("Type") == "Condition"
        text = f"step {name} ({before[name].get('Type')}) removed"
        if gate:
            text += ": models are registered without the check it made"
        refuses = before[name].get("Type") == "Fail"
        if refuses:
            text += ": what it refused ends as a success"
        level = Level.DANGEROUS if gate or refuses else Level.LOOK
        yield _item(level, kept, text, sign="-")
    for name in sorted(after.keys() - before.keys()):
        text = f"step {name} ({after[name].get('Type')}) added"
        yield _item(Level.LOOK, kept, text, sign="+")
    for name in sorted(before.keys() & after.keys()):
        yield from _step(kept, name, differing(before[name], after[name]))


def _step(kept: Kept, name: str, leaves: Sequence[Leaf]) -> Iterator[Item]:
    """One step that is there before and after."""
    found = [leaf for leaf in leaves if not _reported_elsewhere(leaf)]
    harmless = [leaf for leaf in found if _is_harmless(leaf)]
    for leaf in harmless:
        yield _item(Level.SAFE, kept, f"step {name}: {leaf.text}", cause=leaf.text)
    found = [leaf for leaf in found if leaf not in harmless]
    if not found:
        return
    why = next((danger for leaf in found if (danger := _danger(leaf))), "")
    level = Level.DANGEROUS if why else Level.LOOK
    details = tuple(_short(leaf.text) for leaf in found)
    text = f"step {name} changed{why}"
    if len(found) == 1:
        text, details = f"step {name}: {details[0]}{why}", ()
    cause = "; ".join(f"{leaf.before} {leaf.after}" for leaf in found)
    yield _item(level, kept, text, details=details, cause=cause)


def _danger(leaf: Leaf) -> str:
    if leaf.path.endswith("KmsKeyId") and leaf.before and not leaf.after:
        return ": what it writes is no longer encrypted with the key"
    if leaf.name == "ModelApprovalStatus" and leaf.after == "Approved":
        return ": models are approved by nobody"
    if leaf.name == "EnableNetworkIsolation" and same(leaf.before, True):
        return ": network isolation is turned off"
    return ""


def _is_harmless(leaf: Leaf) -> bool:
    """Tags and words for people."""
    return re.search(r"(^|\.)Tags\b|(Description|DisplayName)$", leaf.path) is not None


def _reported_elsewhere(leaf: Leaf) -> bool:
    """Conditions are said by what they let through."""
    return leaf.path.startswith("Arguments.Conditions")


def _short(text: str) -> str:
    return text.removeprefix("Arguments.")


def _item(
    level: Level,
    kept: Kept,
    text: str,
    *,
    sign: str = "~",
    details: tuple[str, ...] = (),
    cause: str = "",
) -> Item:
    claims = (kept.claim("PipelineDefinition"),)
    return Item(Section.PIPELINE, level, kept.subject, text, sign, details, claims, cause)
