# SPDX-License-Identifier: Apache-2.0
"""IoT rules: from which topics, which fields, to where."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from template_review.comparison.properties import Kept, at, resources
from template_review.comparison.text import compact, shown
from template_review.iot.sql_where import Change, compare, tests
from template_review.model import Item, Level, Pair, Section

TYPE = "AWS::IoT::TopicRule"
_SQL = re.compile(
    r"^\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<topic>'[^']*'|\"[^\"]*\"|\S+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?\s*$",
    re.IGNORECASE | re.DOTALL,
)


class Query(NamedTuple):
    """An IoT SQL statement taken apart."""

    fields: tuple[str, ...]
    topic: str
    where: str


def query(sql: str) -> Query | None:
    """The parts of a SELECT; None if it is none."""
    found = _SQL.match(sql)
    if found is None:
        return None
    return Query(
        tuple(_split(found.group("fields"))),
        found.group("topic").strip("'\""),
        " ".join((found.group("where") or "").split()),
    )


def iot_items(pair: Pair) -> list[Item]:
    """Rules added and changed. One that is removed is among the watchers that go."""
    items: list[Item] = []
    for kept in resources(pair, TYPE):
        if kept.old is None:
            text = f"new rule: {_described(kept.new)}"
            items.append(_item(_openness(kept.new), kept, text, sign="+"))
        elif kept.new is not None:
            items += _changed(kept)
    return items


def _changed(kept: Kept) -> Iterator[Item]:
    old, new = (at(side, "TopicRulePayload") or {} for side in (kept.old, kept.new))
    if old.get("Sql") != new.get("Sql"):
        yield from _sql(kept, str(old.get("Sql")), str(new.get("Sql")))
    if old.get("AwsIotSqlVersion") != new.get("AwsIotSqlVersion"):
        versions = f"{old.get('AwsIotSqlVersion')} -> {new.get('AwsIotSqlVersion')}"
        text = f"SQL version {versions}: expressions may mean something else"
        yield _item(Level.LOOK, kept, text, path="AwsIotSqlVersion")
    if new.get("RuleDisabled") is True and old.get("RuleDisabled") is not True:
        text = "RuleDisabled: the rule is turned off: its messages are lost"
        yield _item(Level.DANGEROUS, kept, text, path="RuleDisabled")
    if old.get("RuleDisabled") is True and new.get("RuleDisabled") is not True:
        yield _item(Level.LOOK, kept, "RuleDisabled: the rule is turned on", path="RuleDisabled")
    before, after = _actions(old), _actions(new)
    for action in sorted(before - after):
        text = f"no longer sends to {action}"
        yield _item(Level.DANGEROUS, kept, text, sign="-", path="Actions")
    for action in sorted(after - before):
        yield _item(Level.LOOK, kept, f"now sends to {action}", sign="+", path="Actions")


def _sql(kept: Kept, old: str, new: str) -> Iterator[Item]:
    one, two = query(old), query(new)
    if one is None or two is None:
        details = (f"was: {old}", f"now: {new}")
        yield _item(Level.LOOK, kept, "SQL changed", details=details, path="Sql")
        return
    details = (f"was: {old}", f"now: {new}")
    levels, said = [Level.SAFE], []
    if one.fields != two.fields:
        gone = [field for field in one.fields if field not in two.fields]
        came = [field for field in two.fields if field not in one.fields]
        said += [f"no longer selects {', '.join(gone)}"] if gone else []
        said += [f"also selects {', '.join(came)}"] if came else []
        said += [] if gone or came else ["fields in another order"]
        levels.append(Level.LOOK)
    if one.topic != two.topic:
        said.append(f"listens to {two.topic} instead of {one.topic}")
        level = Level.LOOK if covers(two.topic, one.topic) else Level.DANGEROUS
        if level is Level.DANGEROUS:
            said.append("nothing handles what it heard before")
        if _everything(two.topic):
            level = Level.DANGEROUS
            said.append("that is every message of the account")
        levels.append(level)
    if (change := compare(one.where, two.where)) is not Change.SAME:
        said.append(_filtered(change, one.where, two.where))
        levels.append(Level.LOOK if change is Change.LESS else Level.DANGEROUS)
    text = "; ".join(said) or "SQL written differently, it means the same"
    yield _item(max(levels), kept, text, details=details, path="Sql")


def _filtered(change: Change, old: str, new: str) -> str:
    """What the new WHERE asks for, and what it no longer asks for."""
    gone, came = sorted(tests(old) - tests(new)), sorted(tests(new) - tests(old))
    parts = [f"no longer asks for {' and '.join(gone)}"] if gone else []
    parts += [f"also asks for {' and '.join(came)}"] if came and change is Change.LESS else []
    parts += [f"where {new}"] if new and not parts else []
    return f"the filter {change.value}: {', '.join(parts) or f'no longer asks for {old}'}"


def covers(wide: str, narrow: str) -> bool:
    """Whether a topic filter takes in all that another one does."""
    one, two = wide.split("/"), narrow.split("/")
    for place, part in enumerate(one):
        if part == "#":
            return True
        if (
            place >= len(two)
            or part not in ("+", two[place])
            or (part == "+" and two[place] == "#")
        ):
            return False
    return len(one) == len(two)


def _openness(properties: Mapping[str, Any] | None) -> Level:
    found = query(str(at(properties, "TopicRulePayload.Sql")))
    return Level.DANGEROUS if found and _everything(found.topic) else Level.LOOK


def _everything(topic: str) -> bool:
    return topic in {"#", "+/#"}


def _described(properties: Mapping[str, Any] | None) -> str:
    payload = at(properties, "TopicRulePayload") or {}
    found = query(str(payload.get("Sql")))
    if found is None:
        return str(payload.get("Sql"))
    targets = ", ".join(sorted(_actions(payload)))
    return f"{', '.join(found.fields)} of {found.topic} to {targets}"


def _actions(payload: Mapping[str, Any]) -> set[str]:
    found = set()
    for action in payload.get("Actions") or ():
        for kind, settings in action.items():
            shown_settings = {
                k: v for k, v in settings.items() if k not in {"RoleArn", "Separator"}
            }
            found.add(shown(f"{kind} {compact(shown_settings)}"))
    return found


def _split(fields: str) -> Iterator[str]:
    """At commas that are in no bracket and no quotation."""
    depth, quoted, start = 0, "", 0
    for place, letter in enumerate(fields):
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "'\"":
            quoted = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            yield " ".join(fields[start:place].split())
            start = place + 1
    yield " ".join(fields[start:].split())


def _item(
    level: Level,
    kept: Kept,
    text: str,
    *,
    sign: str = "~",
    details: tuple[str, ...] = (),
    path: str = "",
) -> Item:
    claims = (kept.claim(f"TopicRulePayload.{path}" if path else ""),)
    cause = text if path == "Sql" else ""
    return Item(Section.IOT_SQL, level, kept.subject, shown(text), sign, details, claims, cause)
