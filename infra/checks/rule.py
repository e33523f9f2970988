# SPDX-License-Identifier: Apache-2.0
"""A rule, its findings, and the function that runs all rules."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from infra.checks.template import Resource, Template

PACK = "BinsightChecks"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding: the resource, the property, and what is wrong with it."""

    logical_id: str
    path: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule with its documentation, and the function that applies it to one template.

    ``why`` explains what goes wrong without it, ``fix`` what to write instead.
    """

    id: str
    title: str
    why: str
    fix: str
    check: Callable[[Template], Iterable[Finding]]


def at(resource: Resource, path: str, detail: str) -> Finding:
    """A finding in this resource; ``path`` is relative to it, such as Properties.Sql."""
    return Finding(logical_id=resource.logical_id, path=path, detail=detail)


def check(
    templates: Sequence[Template], rules: Sequence[Rule]
) -> Iterator[tuple[Template, Rule, Finding]]:
    """Every finding of these rules in these templates."""
    for template in templates:
        for rule in rules:
            for finding in rule.check(template):
                yield template, rule, finding
