# SPDX-License-Identifier: Apache-2.0
"""Changes of what is kept, for how long, and how it is encrypted."""

from collections.abc import Iterator
from operator import methodcaller
from typing import Any

from review_testing.mutations.model import Change, Document, operator
from review_testing.mutations.places import (
    at,
    editing,
    properties,
    removing,
    resources,
    setting,
)
from template_review.comparison.schema import schema
from template_review.model import Level

_CFN = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
_POLICY = _CFN + "aws-attribute-deletionpolicy.html"
_REPLACED = _CFN + "using-cfn-updating-stacks-update-behaviors.html: replacement makes a new one"
_LIFECYCLE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general"
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
_PERIODS = ("RetentionInDays", "ExpirationInDays", "NoncurrentDays")
_STORES = (
    *("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket"),
    *("AWS::SageMaker::ModelPackageGroup", "AWS::IoT::ThingGroup"),
)
"""Types whose own pages say that deleting them deletes, or detaches, what users put there."""
_KEYS = ("KmsKeyId", "KmsMasterKeyId", "KMSMasterKeyId", "SSESpecification", "BucketEncryption")
Found = Iterator[tuple[str, Change]]


def _periods(document: Document) -> Iterator[tuple[str, tuple[Any, ...], int, list[int]]]:
    for each in properties(document):
        if each.path[-1] in _PERIODS and isinstance(each.value, int):
            allowed = sorted(each.schema.get("enum") or range(1, 4000))
            yield each.where, each.path, each.value, allowed


@operator("a shorter period", Level.DANGEROUS, _LIFECYCLE + "-considerations.html: S3 deletes")
def _shorter(document: Document) -> Found:
    for where, path, value, allowed in _periods(document):
        if less := [one for one in allowed if one < value]:
            yield where, setting(path, less[len(less) // 2])


@operator("a longer period", Level.SAFE, _LIFECYCLE + "-considerations.html: kept until then")
def _longer(document: Document) -> Found:
    for where, path, value, allowed in _periods(document):
        more = [one for one in allowed if one > value]
        yield where, setting(path, more[len(more) // 3])


@operator("an expiry for all objects", Level.DANGEROUS, _LIFECYCLE + "-considerations.html")
def _new_expiry(document: Document) -> Found:
    for each in resources(document, "AWS::S3::Bucket"):
        rule = {"Id": "Sweep", "Status": "Enabled", "ExpirationInDays": 3}
        path = (*each.path, "Properties", "LifecycleConfiguration", "Rules")
        yield each.name, editing(path, methodcaller("append", rule))


@operator("deleted with its stack", Level.DANGEROUS, _POLICY + ": Delete deletes the resource")
def _delete(document: Document) -> Found:
    for each in resources(document, *_STORES):
        if each.body.get("DeletionPolicy") != "Delete":
            yield each.name, setting((*each.path, "DeletionPolicy"), "Delete")


@operator("kept when its stack goes", Level.SAFE, _POLICY + ": Retain keeps the resource")
def _retain(document: Document) -> Found:
    for each in resources(document, *_STORES):
        if each.body.get("DeletionPolicy") == "Delete":
            yield each.name, setting((*each.path, "DeletionPolicy"), "Retain")


@operator(
    "kept, but not when its creation fails",
    Level.SAFE,
    _POLICY + ": RetainExceptOnCreate keeps whatever was created successfully",
)
def _except_on_create(document: Document) -> Found:
    for each in resources(document, *_STORES):
        if each.body.get("DeletionPolicy") == "Retain":
            yield each.name, setting((*each.path, "DeletionPolicy"), "RetainExceptOnCreate")


@operator("a store removed", Level.DANGEROUS, _POLICY + ": it is deleted, or nobody's")
def _removed(document: Document) -> Found:
    for each in resources(document, *_STORES):
        yield each.name, removing(each.path)


@operator("a store under another logical id", Level.DANGEROUS, _REPLACED + ", deletes the old one")
def _renamed(document: Document) -> Found:
    for each in resources(document, *_STORES):

        def edit(found: dict[str, Any], name: str = each.path[-1]) -> None:
            found[f"Other{name}"] = found.pop(name)

        yield each.name, editing(each.path[:-1], edit)


@operator("a create-only property of a store", Level.DANGEROUS, _REPLACED)
def _replaced(document: Document) -> Found:
    for each in resources(document, *_STORES):
        for pointer in schema(each.type).get("createOnlyProperties") or ():
            name = pointer.removeprefix("/properties/")
            if "/" not in name and "Name" in name:
                path = (*each.path, "Properties", name)
                yield f"{each.name} {name}", setting(path, "sorter-another-name")


@operator(
    "no encryption with the customer's key",
    Level.DANGEROUS,
    "https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html: without a customer "
    "managed key its policy and its trail no longer protect the data",
)
def _no_key(document: Document) -> Found:
    for each in properties(document, *_STORES, "AWS::SNS::Topic"):
        if each.path[-1] in _KEYS and len(each.path) == len(each.resource.path) + 2:
            yield each.where, removing(each.path)
    for one in resources(document, "AWS::KinesisFirehose::DeliveryStream"):
        path = (*one.path, "Properties", "DeliveryStreamEncryptionConfigurationInput")
        if at(document, path[:-1]).get(path[-1]):
            yield one.name, removing(path)


_PROTECTIONS: tuple[tuple[str, tuple[Any, ...], Any, str], ...] = (
    (
        "AWS::S3::Bucket",
        ("VersioningConfiguration", "Status"),
        "Suspended",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
    ),
    (
        "AWS::DynamoDB::Table",
        ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
        False,
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html",
    ),
    (
        "AWS::KMS::Key",
        ("EnableKeyRotation",),
        False,
        "https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html: KMS.4",
    ),
    *(
        (
            "AWS::S3::Bucket",
            ("PublicAccessBlockConfiguration", name),
            False,
            f"{_S3}access-control-block-public-access.html",
        )
        for name in ("BlockPublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    ),
)


@operator("a protection switched off", Level.DANGEROUS, "; ".join(p[3] for p in _PROTECTIONS[:4]))
def _switched_off(document: Document) -> Found:
    for kind, path, off, _ in _PROTECTIONS:
        for each in resources(document, kind):
            full = (*each.path, "Properties", *path)
            if path[0] in each.body["Properties"]:
                yield f"{each.name} {'.'.join(path)}", setting(full, off)


@operator("a protection's property removed", Level.DANGEROUS, "as above: the default is off")
def _unset(document: Document) -> Found:
    for kind, path, _, _ in _PROTECTIONS:
        for each in resources(document, kind):
            # New buckets block public access by themselves since April 2023; the property's
            # absence is no opening there.
            if path[0] in each.body["Properties"] and not path[0].startswith("Public"):
                yield f"{each.name} {path[0]}", removing((*each.path, "Properties", path[0]))


@operator(
    "termination protection switched off",
    Level.DANGEROUS,
    _CFN + "using-cfn-protect-stacks.html: with it nobody deletes the stack by mistake",
)
def _unprotected(document: Document) -> Found:
    for name, stack in document["stacks"].items():
        if stack["termination_protection"]:
            yield name, setting(("stacks", name, "termination_protection"), False)


@operator("termination protection switched on", Level.SAFE, _CFN + "using-cfn-protect-stacks.html")
def _protected(document: Document) -> Found:
    for name, stack in document["stacks"].items():
        if not stack["termination_protection"]:
            yield name, setting(("stacks", name, "termination_protection"), True)
