# SPDX-License-Identifier: Apache-2.0
"""Which grants a change really adds or takes away, and how an added one widens an old one."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from template_review.iam.conditions import loosened
from template_review.iam.grants import Clause, Grant
from template_review.iam.wildcards import matches


@dataclass(frozen=True)
class Gain:
    """A grant that nothing before covered. ``how`` names the old grant that it broadens."""

    grant: Grant
    how: str = ""


def gained(base: Collection[Grant], head: Collection[Grant]) -> list[Gain]:
    """What somebody may do now and could not before."""
    before = [grant for grant in base if grant.effect == "Allow"]
    index = _by_place(before)
    new = (grant for grant in set(head) - set(base) if grant.effect == "Allow")
    found = []
    for grant in new:
        near = index.get((grant.kind, grant.owner), [])
        if not any(_covers(old, grant) for old in near):
            found.append(Gain(grant, _broadening(near, grant)))
    return sorted(found, key=lambda gain: _order(gain.grant))


def lost(base: Collection[Grant], head: Collection[Grant]) -> list[Grant]:
    """What somebody could do and no longer may."""
    index = _by_place(grant for grant in head if grant.effect == "Allow")
    return sorted(
        (
            grant
            for grant in set(base) - set(head)
            if grant.effect == "Allow"
            and not any(_covers(new, grant) for new in index.get((grant.kind, grant.owner), []))
        ),
        key=_order,
    )


def denials(base: Collection[Grant], head: Collection[Grant]) -> tuple[list[Grant], list[Grant]]:
    """Explicit denials (gained, lost)."""
    before = {grant for grant in base if grant.effect == "Deny"}
    after = {grant for grant in head if grant.effect == "Deny"}

    def uncovered(some: set[Grant], others: set[Grant]) -> list[Grant]:
        index = _by_place(others)
        return sorted(
            (
                grant
                for grant in some - others
                if not any(
                    _covers(each, grant) for each in index.get((grant.kind, grant.owner), [])
                )
            ),
            key=_order,
        )

    return uncovered(after, before), uncovered(before, after)


def _by_place(grants: Iterable[Grant]) -> dict[tuple[str, str], list[Grant]]:
    found: dict[tuple[str, str], list[Grant]] = {}
    for grant in sorted(grants, key=_order):
        found.setdefault((grant.kind, grant.owner), []).append(grant)
    return found


def _order(grant: Grant) -> tuple[str, ...]:
    condition = repr(sorted(grant.condition))
    return (grant.kind, grant.owner, grant.who, grant.action, grant.resource, condition)


def _covers(old: Grant, new: Grant) -> bool:
    return (
        old.who in {new.who, "anyone"}
        and all(any(_narrows(each, one) for each in new.condition) for one in old.condition)
        and matches(old.action, new.action, ignore_case=True)
        and matches(old.resource, new.resource)
    )


def _narrows(new: Clause, old: Clause) -> bool:
    """Whether a condition lets through nothing that the old one held back."""
    if new == old:
        return True
    (operator, key, values), (old_operator, old_key, old_values) = new, old
    return (
        (operator, key) == (old_operator, old_key)
        and "Not" not in operator
        and operator.startswith(("String", "Arn"))
        and all(any(matches(one, value) for one in old_values) for value in values)
    )


def _broadening(near: Collection[Grant], new: Grant) -> str:
    """How ``new`` goes beyond an old grant; empty if it resembles none."""
    mine = [old for old in near if old.who == new.who]
    same = [old for old in mine if old.action == new.action and old.resource == new.resource]
    return _other_condition(same, new) or _wider(mine, new) or _other_principal(near, new)


def _other_condition(same: Collection[Grant], new: Grant) -> str:
    """How the condition changed of grants of the same action on the same resource."""
    for old in same:
        dropped = {key for _, key, _ in old.condition} - {key for _, key, _ in new.condition}
        if dropped:
            return f"condition dropped: {', '.join(sorted(dropped))}"
    for old in same:
        widened = _widened(old, new)
        if widened:
            return f"condition widened: {', '.join(widened)}"
    for old in same:
        if old.condition != new.condition:
            keys = {key for _, key, _ in old.condition ^ new.condition}
            return f"condition changed: {', '.join(sorted(keys))}"
    return ""


def _wider(mine: Collection[Grant], new: Grant) -> str:
    """Which grant of the same principal the new one contains."""
    for old in mine:
        if old.action == new.action and matches(new.resource, old.resource):
            return f"wider resource, was {old.resource}"
    for old in mine:
        if matches(new.action, old.action, ignore_case=True) and new.action != old.action:
            return f"wider action, was {old.action}"
    return "new action" if any(old.resource == new.resource for old in mine) else ""


def _other_principal(near: Collection[Grant], new: Grant) -> str:
    others = sorted({old.who for old in near if old.resource == new.resource} - {new.who})
    return "new principal" if others and new.kind in {"trust", "resource"} else ""


def _widened(old: Grant, new: Grant) -> list[str]:
    """Condition keys that now let through what the old condition held back."""
    return sorted(
        key
        for operator, key, values in new.condition
        for other, other_key, before in old.condition
        if key == other_key and loosened((other, before), (operator, values))
    )
