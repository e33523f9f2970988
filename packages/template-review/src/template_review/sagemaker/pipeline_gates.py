# SPDX-License-Identifier: Apache-2.0
"""What a SageMaker pipeline's condition steps hold back, and whether they still do."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.leaves import said
from template_review.model import Gate, Level

Said = tuple[Level, str]
_REGISTERS = {"RegisterModel", "Model"}


def gate_changes(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
) -> Iterator[Said]:
    """Gates that are gone, looser, or walked around. ``before`` and ``after`` are all steps."""
    for name, step in before.items():
        if step.get("Type") == "Condition" and name in after:
            for level, text in _conditions(old, new, step, after[name]):
                yield level, f"gate {name}: {text}"
    for name, step in after.items():
        if step.get("Type") not in _REGISTERS or _behind(name):
            continue
        guarded = [one for one, each in before.items() if each.get("Type") == step.get("Type")]
        if guarded and all(_behind(one) for one in guarded):
            text = f"step {name} ({step.get('Type')}) runs whatever the gate says"
            yield Level.DANGEROUS, f"{text}; before: only {', '.join(guarded)}"


def _behind(name: str) -> bool:
    """Whether a step runs only if a condition holds."""
    return " > " in name and "> otherwise" not in name


def _conditions(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    one: Mapping[str, Any],
    two: Mapping[str, Any],
) -> Iterator[Said]:
    before, after = (_by_value(step) for step in (one, two))
    for key, condition in before.items():
        other = after.get(key)
        if other is None:
            yield Level.DANGEROUS, f"no longer asks for {_said(condition)}"
            continue
        was, now = _right(condition, old), _right(other, new)
        if condition.get("Type") != other.get("Type"):
            text = f"Type: {condition.get('Type')} -> {other.get('Type')}: it lets others through"
            yield Level.DANGEROUS, text
        elif was != now:
            upwards = str(condition.get("Type")).startswith("Greater")
            gate = Gate("", upwards, 0.0 if upwards else float("inf"), "weaker models pass")
            level, why = gate.judge(was, now) or (Level.DANGEROUS, "it asks for something else")
            yield level, f"{condition.get('Type')}: {said(was)} -> {said(now)}: {why}"
    for key in after.keys() - before.keys():
        yield Level.LOOK, f"also asks for {_said(after[key])}"


def _by_value(step: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Conditions by what they look at."""
    found = (step.get("Arguments") or {}).get("Conditions") or ()
    return {json.dumps(each.get("LeftValue"), sort_keys=True): each for each in found}


def _right(condition: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """The value compared with; a parameter's default where it is one."""
    value = condition.get("RightValue")
    if isinstance(value, Mapping) and str(value.get("Get", "")).startswith("Parameters."):
        name = value["Get"].removeprefix("Parameters.")
        for each in document.get("Parameters") or ():
            if each.get("Name") == name:
                return each.get("DefaultValue")
    return value


def _said(condition: Mapping[str, Any]) -> str:
    return f"{condition.get('Type')} {said(condition.get('RightValue'))}"
