# SPDX-License-Identifier: Apache-2.0
"""Resources that change in place: every value that no other section explains."""

import re
from collections.abc import Collection, Iterable, Mapping

from template_review.comparison.leaves import Leaf, differing
from template_review.comparison.properties import Kept, number
from template_review.comparison.text import Texts, compact, short
from template_review.iam.grants import judged_as_grants
from template_review.model import Item, Level, Pair, ResourceChange, Section, Stack

HARMLESS = {
    *("AlarmDescription", "Comment", "DashboardBody", "Description", "DisplayName"),
    *("PipelineDescription", "PipelineDisplayName", "Tags", "ThingTypeProperties"),
    "BucketKeyEnabled",
}
"""Properties whose change loses nothing and opens nothing."""

_OWN_TAGS = {"HostedZoneTags", "PropagatedTags", "TagSpecifications", "Tags"}
_AMOUNTS = {"MemorySize": 128.0, "Timeout": 3.0}
"""Harmless if there is more of it, and what no value means (Lambda)."""

SHOWN = 3
"""So many values stand in a line; the others below it."""


def forcing(path: str, values: Mapping[str, Leaf]) -> str:
    """The values below a property that forces a replacement."""
    found = [
        leaf.text for name, leaf in values.items() if re.match(rf"{re.escape(path)}($|[.[])", name)
    ]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more if found else path


def updated(
    pair: Pair,
    before: Stack,
    after: Stack,
    change: ResourceChange,
    *,
    kept: str | None,
    claims: Collection[str],
) -> Item | None:
    """The values that no other section explains; None where they explain all."""
    found = kept_of(pair, before, after, change.id)
    elsewhere, own, harmless = [], [], []
    for leaf in found.leaves:
        if _of_iam(found, leaf) or _claimed(found, leaf, claims):
            elsewhere.append(leaf)
        elif _is_harmless(pair, before, after, change.id, leaf):
            harmless.append(leaf)
        else:
            own.append(leaf)
    others = [each for each in change.others if each not in _NOTED]
    others += _commands(found)
    if not (own or harmless or others) and _explained(change, found, elsewhere):
        return None
    level = Level.LOOK if own or others else Level.SAFE
    said = [leaf.text for leaf in (*own, *harmless)]
    words = [*said[:SHOWN], *others, *_beside(change, elsewhere if not said else ())]
    mark = " (stateful)" if kept else ""
    text = f"{change.new_type}{mark} changed in place: {'; '.join(words) or _NO_EFFECT}"
    if len(said) > SHOWN:
        text += f" and {len(said) - SHOWN} more"
    return Item(
        Section.RESOURCES,
        level,
        f"{after.id}/{short(change.id)}",
        text,
        "~",
        tuple(said[SHOWN:]),
        cause=text,
    )


def _commands(kept: Kept) -> list[str]:
    """What of the metadata changes what a machine does."""
    old, new = (side.get("Metadata") or {} for side in (kept.old_resource, kept.new_resource))
    return [
        leaf.text
        for name in _RUN
        for leaf in differing({name: old.get(name)}, {name: new.get(name)})
    ]


def _explained(change: ResourceChange, kept: Kept, elsewhere: Collection[Leaf]) -> bool:
    """Whether other sections say all of it; a policy's text is named here as well."""
    if any(_of_iam(kept, leaf) for leaf in elsewhere):
        return False
    return bool(elsewhere or set(change.others) & {"DeletionPolicy", "UpdateReplacePolicy"})


def _beside(change: ResourceChange, elsewhere: Iterable[Leaf]) -> list[str]:
    """What else differs, by name only: attributes, and properties that other sections explain."""
    noted = [each for each in change.others if each in {"Metadata", "DependsOn"}]
    return noted + sorted({leaf.top for leaf in elsewhere})


_NOTED = {"Metadata", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy"}
_RUN = ("AWS::CloudFormation::Init", "AWS::CloudFormation::Authentication")
"""Metadata that a machine acts on: packages, files and commands of cfn-init."""
_NO_EFFECT = "written differently, it means the same"


def _of_iam(kept: Kept, leaf: Leaf) -> bool:
    """Whether it is compared as grants, however it is written. The language's version is not: with
    the older one a variable in a policy is plain text."""
    return not leaf.path.endswith(".Version") and judged_as_grants(kept.type, leaf.top)


def kept_of(pair: Pair, before: Stack, after: Stack, name: str) -> Kept:
    """A resource of both sides, with its properties as text."""
    assert pair.base is not None  # noqa: S101
    assert pair.head is not None  # noqa: S101
    old, new = before.resources[name], after.resources[name]
    one = Texts(pair.base).value(old.get("Properties") or {}, before)
    two = Texts(pair.head).value(new.get("Properties") or {}, after)
    return Kept(after.id, name, str(new.get("Type")), one, two, old, new)


def _claimed(kept: Kept, leaf: Leaf, claims: Collection[str]) -> bool:
    """Whether a section explains this value, or all that it is part of."""
    claim = kept.claim(leaf.path)
    parts = [claim[:place] for place, letter in enumerate(claim) if letter in ".["]
    return any(part in claims for part in (kept.claim(""), *parts, claim))


def _is_harmless(pair: Pair, before: Stack, after: Stack, name: str, leaf: Leaf) -> bool:
    top = leaf.top
    if top == "Tags" and _decides(pair, leaf):
        return False
    if top in _AMOUNTS:
        return _more(leaf, _AMOUNTS[top])
    if top == "OKActions":
        return all("«" in each or ":sns:" in each for each in map(str, leaf.after or ()))
    if top in HARMLESS or leaf.name in {"Description", "Comment"}:
        return True
    return top == "Code" and _only_assets(pair, before, after, name)


def _decides(pair: Pair, leaf: Leaf) -> bool:
    """Whether something in the app asks for this tag: a policy, a backup, a maintenance window."""
    name = re.search(r"\[(.+)\]", leaf.path)
    keys = [name.group(1)] if name else [str(each) for each in (leaf.before, leaf.after)]
    asked = [
        *(f'Tag/{key}"' for key in keys),
        *(f"Tag/{key}}}" for key in keys),
        *(f'tag:{key}"' for key in keys),
        *(f"user:{key}$" for key in keys),
        *(f'"{name}":"{key}"' for key in keys for name in ("ConditionKey", "Key", "TagKey")),
    ]
    assemblies = [each for each in (pair.base, pair.head) if each is not None]
    # Tags themselves have the key too, under names that no other property has.
    texts = [
        compact({k: v for k, v in (resource.get("Properties") or {}).items() if k not in _OWN_TAGS})
        for each in assemblies
        for stack in each.stacks.values()
        for resource in stack.resources.values()
    ]
    return any(form in text for text in texts for form in asked)


def _more(leaf: Leaf, default: float) -> bool:
    """Whether it is certain that there is no less of it than before."""
    old, new = (default if each is None else number(each) for each in (leaf.before, leaf.after))
    return old is not None and new is not None and new >= old


def _only_assets(pair: Pair, before: Stack, after: Stack, name: str) -> bool:
    """Whether the code differs by the contents of an asset only, which has its own section."""
    assert pair.base is not None  # noqa: S101
    assert pair.head is not None  # noqa: S101
    old = Texts(pair.base).value(before.resources[name]["Properties"]["Code"], before)
    new = Texts(pair.head).value(after.resources[name]["Properties"]["Code"], after)
    return bool(old == new)
