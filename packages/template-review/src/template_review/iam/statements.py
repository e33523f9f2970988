# SPDX-License-Identifier: Apache-2.0
"""The statements of a policy document, also where the template decides which of them are there."""

from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.branches import branches
from template_review.comparison.text import compact

TEMPLATE = "in the template"
"""The operator of a clause that is a condition of the template, not of the policy."""
UNKNOWN = "whatever {} says"
Found = tuple[Mapping[str, Any], dict[str, str]]
"""A statement, and the template's conditions under which it is there: {condition: "true"}."""


def statements_of(document: Any) -> list[Found]:
    """Every statement that a policy document may have.

    ``Fn::If`` gives the statements of both its sides. What the template does not spell out, such as
    a parameter, is a statement that allows ``UNKNOWN``.
    """
    return [
        found for policy, when in branches(document) for found in _within(_inside(policy), when)
    ]


def _inside(policy: Any) -> Any:
    if not isinstance(policy, Mapping):
        return policy
    return policy if "Effect" in policy else policy.get("Statement")


def _within(value: Any, when: Mapping[str, str]) -> Iterator[Found]:
    for each, under in branches(value, when):
        if isinstance(each, list):
            for one in each:
                yield from _within(one, under)
        elif isinstance(each, Mapping) and "Effect" in each:
            yield from _conditions(each, under)
        elif each is not None:
            yield (
                {"Effect": "Allow", "Action": UNKNOWN.format(compact(each)), "Resource": "*"},
                under,
            )


def _conditions(statement: Mapping[str, Any], when: Mapping[str, str]) -> Iterator[Found]:
    """The statement with each condition that it can have.

    One that is unknown holds back nobody whom the statement allows, and perhaps nobody is denied.
    """
    rest = {key: value for key, value in statement.items() if key != "Condition"}
    for condition, under in branches(statement.get("Condition"), when):
        if isinstance(condition, Mapping):
            yield {**rest, "Condition": condition}, under
        elif condition is None or rest["Effect"] == "Allow":
            yield rest, under
        else:
            yield {**rest, "Condition": {TEMPLATE: compact(condition)}}, under
