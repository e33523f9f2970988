# SPDX-License-Identifier: Apache-2.0
"""Per stack: what is added, removed, changed in place, or replaced, and what forces it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from template_review.comparison.leaves import leaves
from template_review.comparison.schema import own_name, replacing_properties
from template_review.comparison.text import Texts, short, shown
from template_review.iam.grants import EXPANDED
from template_review.model import Item, Level, Pair, ResourceChange, Section, Stack
from template_review.resources.in_place import forcing, kept_of, updated
from template_review.resources.renames import Rename, renames
from template_review.resources.stateful import NEW_BY_DESIGN, holds

WITHOUT_EFFECT = {"Description"}
"""A resource without anything stored is replaced by these, and is the same afterwards."""

ADDED_SAFELY = {
    *("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::DynamoDB::Table"),
    *("AWS::Glue::Database", "AWS::Glue::Table", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"),
    *("AWS::IAM::Role", "AWS::IoT::Policy", "AWS::IoT::ThingGroup", "AWS::IoT::ThingType"),
    *("AWS::IoT::TopicRule", "AWS::KMS::Alias", "AWS::KMS::Key", "AWS::Lambda::Function"),
    *("AWS::Lambda::Permission", "AWS::Lambda::Version", "AWS::Logs::LogGroup"),
    *("AWS::Logs::LogStream", "AWS::Logs::MetricFilter", "AWS::S3::Bucket"),
    *("AWS::S3::BucketPolicy", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"),
    *("AWS::SageMaker::ModelPackageGroup", "AWS::SageMaker::Pipeline"),
    *("AWS::GreengrassV2::ComponentVersion", "AWS::GreengrassV2::Deployment"),
}
"""A new one opens nothing by itself, or another section judges what it opens."""

ADDED_DANGEROUSLY = {
    "AWS::IAM::AccessKey": "a long-lived secret, readable by everyone who can read the stack",
    "AWS::IAM::User": "a person or program with long-lived credentials",
    "AWS::RAM::ResourceShare": "shares resources with other accounts",
}

_PROVIDERS = ("Custom::S3AutoDeleteObjects",)


def resource_items(pair: Pair, claims: Collection[str] = ()) -> list[Item]:
    """Every resource that differs; ``claims`` are the values that other sections explain."""
    if pair.base is None or pair.head is None:
        return []
    found = renames(pair)
    items = [_renamed(pair, rename) for rename in found]
    hidden = {(each.old_stack, each.old_id) for each in found} | {
        (each.new_stack, each.new_id) for each in found
    }
    for key in sorted(pair.changes):
        after = pair.head.stacks.get(key)
        if after is None:
            continue
        # A new stack opens as much as a resource that is added to an old one.
        before = pair.base.stacks.get(key) or replace(after, template={})
        for change in pair.changes[key]:
            if (key, change.id) not in hidden:
                items += _changed(pair, before, after, change, claims)
    return items


def counts(pair: Pair) -> dict[str, int]:
    """How many resources are added (+), removed (-), changed (~) and replaced (!)."""
    found = dict.fromkeys("+-~!", 0)
    for before, after in pair.both():
        for change in pair.changes.get(after.id, ()):
            sign = "~"
            if change.id not in before.resources:
                sign = "+"
            elif change.id not in after.resources:
                sign = "-"
            elif replacements(before, after, change):
                sign = "!"
            found[sign] += 1
    return found


def replacements(stack: Stack, after: Stack, change: ResourceChange) -> list[str]:
    """The properties that make CloudFormation replace this resource; empty if none does."""
    old, new = stack.resources.get(change.id), after.resources.get(change.id)
    if old is None or new is None:
        return []
    if old.get("Type") != new.get("Type"):
        return ["Type"]
    by_differ = [name for name, impact in change.properties.items() if impact == "WILL_REPLACE"]
    certain, possible = replacing_properties(
        str(new.get("Type")), old.get("Properties") or {}, new.get("Properties") or {}
    )
    maybe = [name for name, impact in change.properties.items() if impact == "MAY_REPLACE"]
    forced = [*certain, *possible]
    # The differ also follows references to what is replaced; the schema knows sub-properties.
    if str(new.get("Type")).startswith(EXPANDED):
        by_differ = []  # nobody knows what becomes of the resources that it stands for
    for name in (*by_differ, *maybe):
        if not any(path.split(".")[0] == name for path in forced):
            forced.append(name)
    return sorted(forced)


def _changed(
    pair: Pair, before: Stack, after: Stack, change: ResourceChange, claims: Collection[str]
) -> Iterator[Item]:
    kind = str(change.new_type or change.old_type)
    subject = f"{after.id}/{short(change.id)}"
    kept = holds(kind) or ("what it holds" if change.stateful else None)
    if change.id not in after.resources and f"{after.id}/{change.id}:" in claims and not kept:
        return
    if change.id not in before.resources:
        if kind in _PROVIDERS and (bucket := _emptied(before, after, change.id)):
            text = f"{kind} added: all objects of {short(bucket)} are deleted when it goes"
            yield Item(Section.RESOURCES, Level.DANGEROUS, subject, text, "+")
            return
        texts = Texts(pair.head) if pair.head else None
        properties = after.resources[change.id].get("Properties") or {}
        yield _added(subject, kind, kept, texts.value(properties, after) if texts else {})
    elif change.id not in after.resources:
        yield _removed(subject, kind, kept, before.resources[change.id])
    elif forced := replacements(before, after, change):
        yield _replaced(pair, before, after, change, forced=forced, kept=kept)
    elif item := updated(pair, before, after, change, kept=kept, claims=claims):
        yield item


def _emptied(before: Stack, after: Stack, name: str) -> str:
    """The bucket, deployed already, whose objects a new provider deletes with it."""
    reference = (after.resources[name].get("Properties") or {}).get("BucketName")
    bucket = reference.get("Ref") if isinstance(reference, Mapping) else None
    return str(bucket) if bucket in before.resources else ""


def _added(subject: str, kind: str, kept: str | None, properties: Mapping[str, Any]) -> Item:
    text = f"{kind} added{' (stateful)' if kept else ''}"
    details = tuple(leaf.text.replace("not set -> ", "") for leaf in leaves(kind, None, properties))
    if kind in ADDED_DANGEROUSLY:
        text += f": {ADDED_DANGEROUSLY[kind]}"
        return Item(Section.RESOURCES, Level.DANGEROUS, subject, text, "+", details)
    known = kind in ADDED_SAFELY or kind in _PROVIDERS
    level = Level.SAFE if known else Level.LOOK
    return Item(Section.RESOURCES, level, subject, text, "+", () if known else details)


def _removed(subject: str, kind: str, kept: str | None, resource: Mapping[str, Any]) -> Item:
    if kept:
        policy = resource.get("DeletionPolicy", "Delete")
        fate = (
            f"it loses {kept}"
            if policy == "Delete"
            else f"{kept}: kept (DeletionPolicy {policy}), but outside any stack"
        )
        text = f"{kind} removed, stateful: {fate}"
        return Item(Section.RESOURCES, Level.DANGEROUS, subject, text, "-")
    level = Level.SAFE if kind in NEW_BY_DESIGN or kind in _PROVIDERS else Level.LOOK
    return Item(Section.RESOURCES, level, subject, f"{kind} removed", "-")


def _replaced(
    pair: Pair,
    before: Stack,
    after: Stack,
    change: ResourceChange,
    *,
    forced: list[str],
    kept: str | None,
) -> Item:
    old, new = before.resources[change.id], after.resources[change.id]
    kind = str(new.get("Type"))
    values = {leaf.path: leaf for leaf in kept_of(pair, before, after, change.id).leaves}
    why = [forcing(path, values) for path in forced]
    text = f"{kind} **replaced**, forced by {'; '.join(why)}"
    level = Level.LOOK
    if set(values) <= WITHOUT_EFFECT and set(forced) <= WITHOUT_EFFECT and not kept:
        level = Level.SAFE
        text += "; harmless: the new one is the same and takes the old one's place"
    name = _same_name(pair, before, old, after, new, forced=forced)
    if kept:
        level = Level.DANGEROUS
        policy = old.get("UpdateReplacePolicy", "Delete")
        fate = "is deleted" if policy == "Delete" else f"stays behind ({policy}), unused"
        text += f"; stateful: the old one, with {kept}, {fate}"
    if name:
        level = Level.DANGEROUS
        text += f"; the deployment fails: {name} is taken by the one that is still there"
    return Item(Section.RESOURCES, level, f"{after.id}/{short(change.id)}", text, "!")


def _renamed(pair: Pair, rename: Rename) -> Item:
    assert pair.base is not None  # noqa: S101 - renames are found between two assemblies only
    assert pair.head is not None  # noqa: S101
    before = pair.base.stacks[rename.old_stack]
    after = pair.head.stacks[rename.new_stack]
    old, new = before.resources[rename.old_id], after.resources[rename.new_id]
    kept = holds(rename.type)
    moved = rename.old_stack != rename.new_stack
    came = f"{rename.old_stack}/{short(rename.old_id)}" if moved else short(rename.old_id)
    if short(rename.old_id) == short(rename.new_id) and not moved:
        came = f"{rename.old_id} (only the hash of its path differs)"
    text = f"{rename.type} **renamed** from {came}: a replacement in disguise"
    level = Level.LOOK
    if kept:
        level = Level.DANGEROUS
        text += f"; stateful: the old one goes, with {kept}"
    name = _same_name(pair, before, old, after, new)
    if name:
        level = Level.DANGEROUS
        text += f"; the deployment fails: {name} is taken by the one that is still there"
    return Item(Section.RESOURCES, level, f"{rename.new_stack}/{short(rename.new_id)}", text, "!")


def _same_name(
    pair: Pair,
    before: Stack,
    old: Mapping[str, Any],
    after: Stack,
    new: Mapping[str, Any],
    *,
    forced: Sequence[str] = (),
) -> str:
    """The physical name that both would have, as text; empty if there is none."""
    assert pair.base is not None  # noqa: S101
    assert pair.head is not None  # noqa: S101
    kind = str(new.get("Type"))
    if (before.account, before.region) != (after.account, after.region):
        return ""
    one = own_name(kind, Texts(pair.base).value(old.get("Properties") or {}, before))
    two = own_name(kind, Texts(pair.head).value(new.get("Properties") or {}, after))
    # A name that itself forces the replacement refers to something new.
    if not one or one != two or {key.replace("/", ".") for key in two} & set(forced):
        return ""
    return shown(", ".join(f"{key} {value}" for key, value in two.items()))
