# SPDX-License-Identifier: Apache-2.0
"""Alarms: whether they still watch the same, go off at the same, and tell the same people."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.leaves import Leaf, said
from template_review.comparison.properties import Kept, at
from template_review.comparison.text import compact, shown
from template_review.model import Item, Level, Section

OFF = {"false", "disabled", "suspended", "off", "none"}
"""Words for what is switched off."""
FACTOR = 10
"""An alarm that needs so many times more, or times longer, no longer watches the same thing."""
_METRIC = ("MetricName", "Namespace", "Dimensions", "Metrics", "ExtendedStatistic", "AlarmRule")


def alarm_items(kept: Kept, found: list[Leaf]) -> Iterator[Item]:
    """What changes in what an alarm watches and whom it notifies."""
    what = watched(kept.type, kept.old or {})
    metric = [leaf for leaf in found if leaf.top in _METRIC]
    if metric:
        text = f"{'; '.join(leaf.text for leaf in metric)}: nobody is notified any more when {what}"
        yield watcher_item(Level.DANGEROUS, kept, text, tuple(leaf.path for leaf in metric))
    for leaf in found:
        if leaf.path == "Threshold":
            yield _threshold(kept, leaf)
        elif leaf.path == "ComparisonOperator":
            yield watcher_item(
                Level.DANGEROUS, kept, f"{leaf.text}: it goes off at other values", (leaf.path,)
            )
        elif leaf.path == "TreatMissingData":
            silent = leaf.before == "breaching"
            level = Level.DANGEROUS if silent else Level.LOOK
            why = ": silence is no alarm any more" if silent else ""
            yield watcher_item(level, kept, f"{leaf.text}{why}", (leaf.path,))
        elif leaf.path in {"EvaluationPeriods", "DatapointsToAlarm", "Period"}:
            slower = _number(leaf.after) > _number(leaf.before)
            far = _number(leaf.after) >= FACTOR * max(_number(leaf.before), 1)
            level = Level.DANGEROUS if slower and far else Level.LOOK
            why = ": it goes off later, or never for what is short" if slower else ""
            yield watcher_item(level, kept, f"{leaf.text}{why}", (leaf.path,))
        elif leaf.path == "AlarmActions":
            yield from _recipients(kept, leaf)
        elif leaf.path == "ActionsEnabled" and same_word(leaf.after, OFF):
            text = f"{leaf.text}: the alarm's actions are turned off"
            yield watcher_item(Level.DANGEROUS, kept, text, (leaf.path,))


def same_word(value: Any, words: set[str]) -> bool:
    """Whether a value is one of the words for on or off."""
    return str(value).lower() in words


def _threshold(kept: Kept, leaf: Leaf) -> Item:
    upwards = str(at(kept.new, "ComparisonOperator")).startswith("Greater")
    old, new = _number(leaf.before), _number(leaf.after)
    duller = new > old if upwards else new < old
    far = abs(new) >= FACTOR * max(abs(old), 1) if upwards else new <= old / FACTOR
    level = Level.DANGEROUS if duller and far else Level.LOOK
    why = ": it goes off earlier"
    if duller:
        why = ": it hardly goes off any more" if far else ": it goes off later"
    return watcher_item(level, kept, f"{leaf.text}{why}", (leaf.path,))


def _recipients(kept: Kept, leaf: Leaf) -> Iterator[Item]:
    before, after = (
        {compact(one) for one in side or ()} if isinstance(side, list) else {compact(side)}
        for side in (leaf.before or [], leaf.after or [])
    )
    if not after:
        text = f"{leaf.text}: the alarm notifies nobody any more"
        yield watcher_item(Level.DANGEROUS, kept, text, (leaf.path,))
    elif before - after:
        text = f"{leaf.text}: {', '.join(sorted(before - after))} is no longer notified"
        yield watcher_item(Level.DANGEROUS, kept, text, (leaf.path,))


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def watched(kind: str, properties: Mapping[str, Any]) -> str:
    """What a watcher reacts to, in a few words."""
    if kind == "AWS::CloudWatch::Alarm":
        metric = f"{properties.get('Namespace', '')} {properties.get('MetricName', 'its metrics')}"
        operator = str(properties.get("ComparisonOperator", "")).removesuffix("Threshold")
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", operator).lower()
        return f"{metric.strip()} is {words} {properties.get('Threshold', '')}".rstrip()
    if kind == "AWS::Logs::MetricFilter":
        found = said(properties.get("FilterPattern") or "every event")
        return f"{found} in {compact(properties.get('LogGroupName'))}"
    if kind == "AWS::SNS::Subscription":
        return f"{properties.get('Protocol')} {compact(properties.get('Endpoint'))}"
    if kind == "AWS::Events::Rule":
        return said(properties.get("ScheduleExpression") or properties.get("EventPattern"))
    if kind == "AWS::IoT::TopicRule":
        return said(at(properties, "TopicRulePayload.Sql"))
    return said(properties.get("AlarmRule") or "what it watched")


def watcher_item(
    level: Level,
    kept: Kept,
    text: str,
    paths: tuple[str, ...],
    *,
    sign: str = "~",
    cause: str = "",
) -> Item:
    """An item about a watcher; ``paths`` are the values that it explains."""
    claims = tuple(kept.claim(path) for path in paths)
    cause = f"{kept.claim(cause)}" if cause else ""
    return Item(
        Section.WATCHERS, level, kept.subject, shown(text), sign, claims=claims, cause=cause
    )
