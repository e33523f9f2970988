# SPDX-License-Identifier: Apache-2.0
"""How long things are kept, and whether they outlive their stack."""

from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.leaves import said as _value
from template_review.comparison.properties import Kept, at, number, resources
from template_review.comparison.text import compact, shown
from template_review.model import Item, Level, Pair, Section
from template_review.resources.stateful import RETAINED, SNAPSHOTS, holds

_PERIODS = {
    "AWS::Logs::LogGroup": ("RetentionInDays", "days of logs"),
    "AWS::SQS::Queue": ("MessageRetentionPeriod", "seconds of messages"),
    "AWS::Kinesis::Stream": ("RetentionPeriodHours", "hours of records"),
    "AWS::RDS::DBInstance": ("BackupRetentionPeriod", "days of backups"),
    "AWS::RDS::DBCluster": ("BackupRetentionPeriod", "days of backups"),
    "AWS::KMS::Key": ("PendingWindowInDays", "days until a deleted key is gone"),
}
_WITHOUT = {
    "AWS::KMS::Key": 30.0,
    "AWS::Kinesis::Stream": 24.0,
    "AWS::Logs::LogGroup": float("inf"),
    "AWS::RDS::DBCluster": 1.0,
    "AWS::RDS::DBInstance": 1.0,
    "AWS::SQS::Queue": 345_600.0,
}
"""What no value means, by each type's page in the CloudFormation reference."""

_EXPIRY = (
    ("ExpirationInDays", "objects expire"),
    ("NoncurrentVersionExpiration.NoncurrentDays", "old versions expire"),
    ("NoncurrentVersionExpirationInDays", "old versions expire"),
)
_SWITCHES = {
    "AWS::KMS::Key": (("Enabled", True, "the key (what it encrypted can be read)"),),
    "AWS::S3::Bucket": (
        ("VersioningConfiguration.Status", "Enabled", "versioning"),
        ("ObjectLockEnabled", True, "object lock"),
    ),
    "AWS::DynamoDB::Table": (
        (
            "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled",
            True,
            "point-in-time recovery",
        ),
        ("DeletionProtectionEnabled", True, "deletion protection"),
    ),
    "AWS::RDS::DBInstance": (("DeletionProtection", True, "deletion protection"),),
    "AWS::RDS::DBCluster": (("DeletionProtection", True, "deletion protection"),),
}


def retention_items(pair: Pair) -> list[Item]:
    """Everything that is kept for a shorter or longer time than before."""
    items: list[Item] = []
    for kept in resources(pair):
        items += _policies(kept)
        if kept.old is None or kept.new is None:
            continue
        items += _period(kept)
        items += _switches(kept)
        if kept.type == "AWS::S3::Bucket":
            items += _lifecycle(kept)
        if kept.type == "AWS::DynamoDB::Table":
            items += _time_to_live(kept)
    return items


def _policies(kept: Kept) -> Iterator[Item]:
    if not kept.old_resource or not kept.new_resource:
        return
    found: dict[tuple[str, str], list[str]] = {}
    for key in ("DeletionPolicy", "UpdateReplacePolicy"):
        old, new = _policy(kept.old_resource, key), _policy(kept.new_resource, key)
        if old != new:
            found.setdefault((old, new), []).append(key)
    for (old, new), keys in found.items():
        what = holds(kept.type)
        level = Level.SAFE
        text = f"{' and '.join(keys)}: {old} -> {new}"
        if new == "Delete":
            level = Level.DANGEROUS if what else Level.LOOK
        if new == "Delete" and what:
            ways = {"DeletionPolicy": "its stack or it is deleted", "Upd": "it is replaced"}
            when = " or ".join(ways[key if key in ways else "Upd"] for key in keys)
            text += f"; when {when}, what it holds is deleted"
        elif new == "Snapshot" and kept.type not in SNAPSHOTS:
            level = Level.DANGEROUS
            text += f"; the deployment fails: there is no snapshot of {kept.type}"
        elif new not in RETAINED | {"Delete"}:
            level = Level.LOOK
            text += ": what becomes of it is decided by a value"
        elif {old, new} <= RETAINED:
            text += ": still kept, but not what a failed creation leaves behind"
        yield _item(level, kept, text, cause=f"{keys} {old} {new}")


def _policy(resource: Mapping[str, Any], key: str) -> str:
    return shown(compact(resource.get(key, "Delete")))


def _period(kept: Kept) -> Iterator[Item]:
    if kept.type not in _PERIODS:
        return
    name, unit = _PERIODS[kept.type]
    old, new = at(kept.old, name), at(kept.new, name)
    if old == new:
        return
    nothing = _WITHOUT[kept.type]
    before, after = (nothing if side is None else number(side) for side in (old, new))
    default = "unlimited" if nothing == float("inf") else f"{nothing:g} (default)"
    was, now = (default if side is None else _value(side) for side in (old, new))
    if before is None or after is None:
        text = f"retention changed: {name}: {was} -> {now} {unit}"
        yield _item(Level.LOOK, kept, text, (name,), cause=f"{name} {old} {new}")
    elif after < before:
        said = f"{was} -> {now} {unit}: what is older is deleted at deployment"
        level = Level.DANGEROUS
        if kept.type == "AWS::KMS::Key":
            level, said = Level.LOOK, f"{was} -> {now} {unit}"
        text = f"retention shortened: {name}: {said}"
        yield _item(level, kept, text, (name,), cause=f"{name} {old} {new}")
    else:
        text = f"retention lengthened: {name}: {was} -> {now} {unit}"
        yield _item(Level.SAFE, kept, text, (name,), cause=f"{name} {old} {new}")


def _switches(kept: Kept) -> Iterator[Item]:
    for path, on, name in _SWITCHES.get(kept.type, ()):
        old, new = (_switch(kept.type, side, path) for side in (kept.old, kept.new))
        if old == on and new != on:
            text = f"{name} is turned off ({path}: {_value(old)} -> {_value(new)})"
            yield _item(Level.DANGEROUS, kept, text, (path,), cause=f"{path} off")
        if old != on and new == on:
            text = f"{name} is turned on ({path}: {_value(old)} -> {_value(new)})"
            yield _item(Level.SAFE, kept, text, (path,), cause=f"{path} on")


def _switch(kind: str, properties: Mapping[str, Any] | None, path: str) -> Any:
    found = at(properties, path)
    # A key that says nothing is enabled.
    return True if kind == "AWS::KMS::Key" and found is None else found


def _lifecycle(kept: Kept) -> Iterator[Item]:
    before, after = _rules(kept.old), _rules(kept.new)
    for name in sorted({*before, *after}):
        where = f"LifecycleConfiguration.Rules[{name}]"
        whole = () if name in before and name in after else (where,)
        for path, what in _EXPIRY:
            claims = whole or (f"{where}.{path}",)
            old = at(before.get(name), path)
            new = at(after.get(name), path)
            if old == new:
                if old is not None and before[name].get("Prefix", "") != after[name].get(
                    "Prefix", ""
                ):
                    yield _moved(kept, name, what, before[name], after[name])
                continue
            rule = f"lifecycle rule {name}: {what}"
            if new is None:
                text = f"{rule} no longer (was after {old} days)"
                yield _item(Level.LOOK, kept, text, claims)
            elif old is None or (number(new) or 0.0) < (number(old) or float("inf")):
                was = "never" if old is None else f"after {old} days"
                text = f"retention shortened: {rule} after {new} days (was {was})"
                yield _item(Level.DANGEROUS, kept, text, claims, cause=f"{name} {path} {old} {new}")
            else:
                text = f"{rule} after {new} days (was {old})"
                yield _item(Level.SAFE, kept, text, claims, cause=f"{name} {path} {old} {new}")


def _moved(
    kept: Kept, name: str, what: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Item:
    was, now = str(old.get("Prefix", "")), str(new.get("Prefix", ""))
    text = f"lifecycle rule {name}: {what} under {now or 'everything'} (was {was or 'everything'})"
    # A longer prefix of the same place leaves more alone; any other takes in what was kept.
    level = Level.SAFE if now.startswith(was) else Level.DANGEROUS
    return _item(level, kept, text, (f"LifecycleConfiguration.Rules[{name}].Prefix",))


def _rules(properties: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    rules = at(properties, "LifecycleConfiguration.Rules") or []
    return {
        str(rule.get("Id", index)): rule
        for index, rule in enumerate(rules if isinstance(rules, list) else ())
        if isinstance(rule, Mapping) and rule.get("Status") != "Disabled"
    }


def _time_to_live(kept: Kept) -> Iterator[Item]:
    path = "TimeToLiveSpecification"
    old, new = at(kept.old, path), at(kept.new, path)
    if old != new:
        enabled = isinstance(new, Mapping) and new.get("Enabled")
        text = f"items expire by attribute {new.get('AttributeName')}" if enabled else "no expiry"
        before = isinstance(old, Mapping) and old.get("Enabled")
        level = Level.DANGEROUS if enabled and not before else Level.LOOK
        yield _item(level, kept, f"time to live changed: {text}", (path,))


def _item(
    level: Level, kept: Kept, text: str, paths: tuple[str, ...] = (), *, cause: str = ""
) -> Item:
    claims = tuple(kept.claim(path) for path in paths)
    return Item(Section.RETENTION, level, kept.subject, text, claims=claims, cause=cause)
