# SPDX-License-Identifier: Apache-2.0
"""IAM in plain words: what is gained and lost as "who may do what on what"."""

from collections.abc import Iterable, Iterator
from typing import Any

from template_review.comparison.text import Texts, shown
from template_review.iam.compare import denials, gained, lost
from template_review.iam.danger import (
    judge_gain,
    judge_gained_denial,
    judge_loss,
    judge_lost_denial,
)
from template_review.iam.grants import RESOURCE, TRUST, Condition, Grant, grants
from template_review.model import Assembly, Item, Level, Pair, Section
from template_review.resources.outsiders import Ours

_OPERATORS = {
    "StringEquals": "is",
    "StringLike": "is like",
    "ArnLike": "is like",
    "ArnEquals": "is",
    "Bool": "is",
    "StringNotEquals": "is not",
    "StringNotLike": "is not like",
    "StringEqualsIfExists": "is absent or",
    "StringLikeIfExists": "is absent or like",
    "ArnLikeIfExists": "is absent or like",
}


def iam_items(pair: Pair) -> list[Item]:
    """Statements gained and lost, boundaries and role aliases."""
    if pair.base is None or pair.head is None:
        return []
    base, head = grants(pair.base), grants(pair.head)
    account = next((stack.account for stack in pair.head.stacks.values()), "")
    ours = Ours.of(pair.base, pair.head, known=pair.project.known_accounts)
    judged = [(*judge_gain(gain, account, ours), gain.grant, "+") for gain in gained(base, head)]
    gone = _ids(pair.base) - _ids(pair.head)
    for grant in lost(base, head):
        # What goes with its owner or with its role is said where that is removed.
        if not _went_with(grant, gone):
            judged.append((*judge_loss(grant, account), grant, "-"))
    more, fewer = denials(base, head)
    judged += [(*judge_gained_denial(grant), grant, "+") for grant in more]
    for grant in fewer:
        if not _went_with(grant, gone):
            judged.append((*judge_lost_denial(grant), grant, "-"))
    return [*_grouped(judged), *_boundaries(pair)]


def sentence(
    who: str, effect: str, actions: Iterable[str], resources: Iterable[str], condition: Condition
) -> str:
    """ "role X may s3:GetObject on DatasetBucket/* only if ..."."""
    verb = "may" if effect == "Allow" else "must not"
    text = f"{who} {verb} {', '.join(sorted(set(actions)))} on {', '.join(sorted(set(resources)))}"
    conditions = [
        f"{key} {_OPERATORS.get(operator, operator)} {' or '.join(values)}"
        for operator, key, values in sorted(condition)
    ]
    return shown(text + (f" only if {' and '.join(conditions)}" if conditions else ""))


def merged(found: Iterable[Grant]) -> Iterator[tuple[Grant, list[str], list[str]]]:
    """Grants that differ in action or resource only, as one (example, actions, resources)."""
    by_action: dict[tuple[Any, ...], set[str]] = {}
    examples: dict[tuple[Any, ...], Grant] = {}
    for grant in found:
        key = (grant.kind, grant.owner, grant.who, grant.effect, grant.condition, grant.action)
        by_action.setdefault(key, set()).add(grant.resource)
        examples[key[:5]] = grant
    by_resources: dict[tuple[Any, ...], list[str]] = {}
    for key, resources in by_action.items():
        by_resources.setdefault((*key[:5], tuple(sorted(resources))), []).append(key[5])
    for key, actions in by_resources.items():
        yield examples[key[:5]], sorted(actions), list(key[5])


def _grouped(judged: Iterable[tuple[Level, str, Grant, str]]) -> Iterator[Item]:
    groups: dict[tuple[Level, str, str], list[Grant]] = {}
    for level, why, grant, sign in judged:
        groups.setdefault((level, why, sign), []).append(grant)
    items = []
    for (level, why, sign), members in groups.items():
        for example, actions, resources in merged(members):
            section = Section.TRUST if example.kind in {TRUST, RESOURCE} else Section.ACCESS
            text = sentence(example.who, example.effect, actions, resources, example.condition)
            subject = shown(example.owner or example.who.removeprefix("role "))
            note = f" ({shown(why)})" if why else ""
            verb = "gained" if sign == "+" else "lost"
            items.append(Item(section, level, subject, f"{verb}: {text}{note}", sign))
    yield from sorted(items, key=lambda item: (-item.level, item.subject, item.text))


def _went_with(grant: Grant, gone: set[str]) -> bool:
    """Whether the resource that had the policy, or the role, is removed."""
    named = {part.split("»")[0] for part in f"{grant.who} {grant.owner}".split("«")[1:]}
    return not named.isdisjoint(gone)


def _ids(assembly: Assembly) -> set[str]:
    return {name for stack in assembly.stacks.values() for name in stack.resources}


def _boundaries(pair: Pair) -> Iterator[Item]:
    """Permissions boundaries, and which role a device's certificate can get."""
    assert pair.base is not None  # noqa: S101 - the caller has checked
    assert pair.head is not None  # noqa: S101
    texts_before, texts_after = Texts(pair.base), Texts(pair.head)
    for before, after in pair.both():
        for name, resource in after.resources.items():
            if name not in before.resources:
                continue
            old = texts_before.value(before.resources[name].get("Properties") or {}, before)
            new = texts_after.value(resource.get("Properties") or {}, after)
            subject = shown(f"«{name}»")
            one, two = old.get("PermissionsBoundary"), new.get("PermissionsBoundary")
            if one != two:
                level = Level.LOOK if two else Level.DANGEROUS
                text = f"permissions boundary: {one or 'none'} -> {two or 'none'}"
                yield Item(Section.TRUST, level, subject, shown(text))
            if resource.get("Type") == "AWS::IoT::RoleAlias":
                one, two = old.get("RoleArn"), new.get("RoleArn")
                if one != two:
                    text = f"devices get the rights of {two} instead of {one}"
                    yield Item(Section.TRUST, Level.DANGEROUS, subject, shown(text))
