# SPDX-License-Identifier: Apache-2.0
"""The SageMaker pipeline: which steps and parameters change."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.review.model import Item, Level, Pair, Section
from tools.review.properties import Kept, at, flat, resources
from tools.review.text import Texts, compact, shown

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
        items += _parameters(kept, old, new)
        items += _steps(kept, old, new)
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


def _parameters(kept: Kept, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Item]:
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
            text += ": models reach the cameras without a person's approval"
        elif name == "MinimumAccuracy" and float(now or 0) < float(was or 0):
            text += ": weaker models pass the gate"
        yield _item(level, kept, text)


def _steps(kept: Kept, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Item]:
    before, after = steps(old), steps(new)
    for name in sorted(before.keys() - after.keys()):
        gate = before[name].get("Type") == "Condition"
        text = f"step {name} ({before[name].get('Type')}) removed"
        if gate:
            text += ": models are registered without the check it made"
        yield _item(Level.DANGEROUS if gate else Level.LOOK, kept, text, sign="-")
    for name in sorted(after.keys() - before.keys()):
        text = f"step {name} ({after[name].get('Type')}) added"
        yield _item(Level.LOOK, kept, text, sign="+")
    for name in sorted(before.keys() & after.keys()):
        one, two = dict(flat(before[name])), dict(flat(after[name]))
        paths = [path for path in sorted({*one, *two}) if one.get(path) != two.get(path)]
        if not paths:
            continue
        details = tuple(
            shown(f"{_short(path)}: {_said(one.get(path))} -> {_said(two.get(path))}")
            for path in paths
        )
        level, why = Level.LOOK, ""
        for path in paths:
            if path.endswith("KmsKeyId") and one.get(path) and not two.get(path):
                level, why = Level.DANGEROUS, ": what it writes is no longer encrypted with the key"
        if any(path.endswith("EnableNetworkIsolation") and one.get(path) for path in paths):
            why += ": network isolation is turned off"
        yield _item(level, kept, f"step {name} changed{why}", details=details)


def _short(path: str) -> str:
    return path.removeprefix("Arguments.")


def _said(value: Any) -> str:
    text = "none" if value is None else compact(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _item(
    level: Level, kept: Kept, text: str, *, sign: str = "~", details: tuple[str, ...] = ()
) -> Item:
    return Item(Section.PIPELINE, level, kept.subject, text, sign, details)
