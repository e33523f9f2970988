# SPDX-License-Identifier: Apache-2.0
"""Event patterns: whether a rule matches more, less or other events than before.

Every field of a pattern must match, and one of a field's values is enough: a field less, or a value
more, is wider.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.leaves import expanded, said
from template_review.comparison.properties import Kept
from template_review.comparison.text import compact, shown
from template_review.model import Item, Level, Section

_APPROVED = "Approved"


def pattern_items(kept: Kept) -> Iterator[Item]:
    """What a changed EventPattern lets through, field by field."""
    old, new = (expanded((side or {}).get("EventPattern")) for side in (kept.old, kept.new))
    if not isinstance(old, Mapping) or not isinstance(new, Mapping) or old == new:
        return
    before, after = dict(_fields(old, "")), dict(_fields(new, ""))
    for path in sorted({*before, *after}):
        was, now = before.get(path), after.get(path)
        if was == now:
            continue
        level, why = _judged(was, now)
        text = f"EventPattern.{path}: {_said(was)} -> {_said(now)}: {why}"
        if now is not None and _APPROVED in (was or ()) and now - (was or set()):
            text += "; what nobody has approved passes"
        yield Item(
            Section.WATCHERS,
            level,
            kept.subject,
            shown(text),
            claims=(kept.claim("EventPattern"),),
        )


def _judged(was: set[str] | None, now: set[str] | None) -> tuple[Level, str]:
    if now is None:
        return Level.DANGEROUS, "it no longer matters, so more events match"
    if was is None:
        return Level.LOOK, "asked for as well, so fewer events match"
    more, fewer = now - was, was - now
    if more and fewer:
        return Level.DANGEROUS, "other events match, those of before no longer do"
    if more:
        return Level.DANGEROUS, "more events match"
    if not now:
        return Level.DANGEROUS, "no event matches any more"
    return Level.LOOK, f"events with {', '.join(sorted(fewer))} no longer match"


def _fields(pattern: Mapping[str, Any], path: str) -> Iterator[tuple[str, set[str]]]:
    for key, value in pattern.items():
        inner = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            yield from _fields(value, inner)
        else:
            values = value if isinstance(value, list) else [value]
            yield inner, {compact(one) for one in values}


def _said(values: set[str] | None) -> str:
    return "any" if values is None else said(", ".join(sorted(values)))
