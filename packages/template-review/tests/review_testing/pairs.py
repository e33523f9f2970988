# SPDX-License-Identifier: Apache-2.0
"""Changes of a small app of any kind, given as what is in its template before and after."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from template_review.comparison import differ
from template_review.model import Assembly, Item, Project, Stack
from template_review.verdict import items_of, verdict

HERE = {"account": "111111111111", "region": "us-east-1"}


class Change(NamedTuple):
    """Stacks before and after, as templates by name."""

    title: str
    before: Mapping[str, Mapping[str, Any]]
    after: Mapping[str, Mapping[str, Any]]


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource as a template has it; attributes are given with a leading underscore."""
    attributes = {key[1:]: value for key, value in properties.items() if key.startswith("_")}
    own = {key: value for key, value in properties.items() if not key.startswith("_")}
    return {"Type": kind, "Properties": own, **attributes}


def changed(title: str, before: Mapping[str, Any], **properties: Any) -> Change:
    """One resource in one stack whose properties (None: gone) or attributes change."""
    after = copy.deepcopy(dict(before))
    for key, value in properties.items():
        place, name = (after, key[1:]) if key.startswith("_") else (after["Properties"], key)
        if value is None:
            del place[name]
        else:
            place[name] = value
    return Change(title, _main(It=before), _main(It=after))


def added(title: str, kind: str, **properties: Any) -> Change:
    """A resource that is new in a stack."""
    return Change(title, _main(), _main(It=resource(kind, **properties)))


def removed(title: str, kind: str, **properties: Any) -> Change:
    """A resource that is gone from a stack."""
    return Change(title, _main(It=resource(kind, **properties)), _main())


def sections(title: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Change:
    """Two templates of one stack."""
    return Change(title, {"Main": before}, {"Main": after})


def new_stack(title: str, kind: str, **properties: Any) -> Change:
    """A second stack with one resource."""
    return Change(
        title, _main(), {**_main(), "New": {"Resources": {"It": resource(kind, **properties)}}}
    )


def _main(**resources: Any) -> dict[str, Any]:
    return {"Main": {"Resources": {"Other": resource("AWS::SNS::Topic"), **resources}}}


def judged(changes: Sequence[Change]) -> dict[str, tuple[str, list[Item]]]:
    """The verdict on each change in words, and the reasons, by title."""
    pairs = differ.compare(
        [(each.title, _assembly(each.before), _assembly(each.after)) for each in changes],
        project=Project(),
    )
    found = {pair.environment: items_of(pair) for pair in pairs}
    return {title: (verdict(items).words, items) for title, items in found.items()}


def wanted(
    *, dangerous: Sequence[Change], look: Sequence[Change], safe: Sequence[Change]
) -> list[tuple[str, str]]:
    """The title of each change and the verdict on it in words, for a parametrized test."""
    levels = (("dangerous", dangerous), ("look closely", look), ("safe", safe))
    return [(each.title, level) for level, changes in levels for each in changes]


def _assembly(stacks: Mapping[str, Mapping[str, Any]]) -> Assembly:
    return Assembly(
        environment="default",
        prefix="",
        stacks={
            name: Stack(id=name, name=name.lower(), template=template, **HERE)
            for name, template in stacks.items()
        },
    )
