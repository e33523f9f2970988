# SPDX-License-Identifier: Apache-2.0
"""S3 buckets as CloudFormation declares them: what ministack drops silently is kept and acted on.

Lifecycle, default encryption, access logging, ownership and tags become what the S3 API returns. A
bucket that still holds objects cannot be deleted, and Custom::S3AutoDeleteObjects empties it first.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

from ministack_edge import ministack_patches, tags
from ministack_edge.protocol import Document
from ministack_edge.storage import objects

AUTO_DELETE_TAG = "aws-cdk:auto-delete-objects"


def _xml(root: Element) -> bytes:
    body: bytes = tostring(root, encoding="utf-8")
    return body


def _text(parent: Element, name: str, value: Any) -> None:
    if value is not None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        SubElement(parent, name).text = text


def encryption_xml(properties: Document) -> bytes:
    """BucketEncryption as the PutBucketEncryption body."""
    root = Element("ServerSideEncryptionConfiguration", xmlns=s3.S3_NS)
    for rule in properties.get("ServerSideEncryptionConfiguration") or []:
        node = SubElement(root, "Rule")
        default = rule.get("ServerSideEncryptionByDefault")
        if default:
            by_default = SubElement(node, "ApplyServerSideEncryptionByDefault")
            _text(by_default, "SSEAlgorithm", default["SSEAlgorithm"])
            _text(by_default, "KMSMasterKeyID", default.get("KMSMasterKeyID"))
        _text(node, "BucketKeyEnabled", rule.get("BucketKeyEnabled"))
    return _xml(root)


def lifecycle_xml(properties: Document) -> bytes:
    """LifecycleConfiguration as the PutBucketLifecycleConfiguration body."""
    root = Element("LifecycleConfiguration", xmlns=s3.S3_NS)
    for index, rule in enumerate(properties.get("Rules") or []):
        node = SubElement(root, "Rule")
        _text(node, "ID", rule.get("Id") or f"rule-{index}")
        _text(node, "Status", rule.get("Status", "Enabled"))
        _text(SubElement(node, "Filter"), "Prefix", rule.get("Prefix", ""))
        days, date = rule.get("ExpirationInDays"), rule.get("ExpirationDate")
        marker = rule.get("ExpiredObjectDeleteMarker")
        if days is not None or date is not None or marker is not None:
            expiration = SubElement(node, "Expiration")
            _text(expiration, "Days", days)
            _text(expiration, "Date", date)
            _text(expiration, "ExpiredObjectDeleteMarker", marker)
        for transition in rule.get("Transitions") or []:
            moved = SubElement(node, "Transition")
            _text(moved, "Days", transition.get("TransitionInDays"))
            _text(moved, "StorageClass", transition.get("StorageClass"))
        old = rule.get("NoncurrentVersionExpiration")
        old_days = (old or {}).get("NoncurrentDays", rule.get("NoncurrentVersionExpirationInDays"))
        if old_days is not None:
            expired = SubElement(node, "NoncurrentVersionExpiration")
            _text(expired, "NoncurrentDays", old_days)
            _text(expired, "NewerNoncurrentVersions", (old or {}).get("NewerNoncurrentVersions"))
        for transition in rule.get("NoncurrentVersionTransitions") or []:
            moved = SubElement(node, "NoncurrentVersionTransition")
            _text(moved, "NoncurrentDays", transition.get("TransitionInDays"))
            _text(moved, "StorageClass", transition.get("StorageClass"))
        abort = rule.get("AbortIncompleteMultipartUpload")
        if abort:
            part = SubElement(node, "AbortIncompleteMultipartUpload")
            _text(part, "DaysAfterInitiation", abort.get("DaysAfterInitiation"))
    return _xml(root)


def logging_xml(properties: Document, bucket: str) -> bytes:
    """LoggingConfiguration as the PutBucketLogging body; the default target is the bucket."""
    root = Element("BucketLoggingStatus", xmlns=s3.S3_NS)
    enabled = SubElement(root, "LoggingEnabled")
    _text(enabled, "TargetBucket", properties.get("DestinationBucketName") or bucket)
    _text(enabled, "TargetPrefix", properties.get("LogFilePrefix", ""))
    return _xml(root)


def ownership_xml(properties: Document) -> bytes:
    """OwnershipControls as the PutBucketOwnershipControls body."""
    root = Element("OwnershipControls", xmlns=s3.S3_NS)
    for rule in properties.get("Rules") or []:
        _text(SubElement(root, "Rule"), "ObjectOwnership", rule["ObjectOwnership"])
    return _xml(root)


def apply(name: str, properties: Document) -> None:
    """Bring the bucket to what its properties say; what they no longer say is taken away."""
    settings: tuple[tuple[str, Callable[[Document], bytes], Any, Any], ...] = (
        ("BucketEncryption", encryption_xml, s3._put_bucket_encryption, s3._bucket_encryption),
        ("LifecycleConfiguration", lifecycle_xml, s3._put_bucket_lifecycle, s3._bucket_lifecycle),
        (
            "LoggingConfiguration",
            lambda given: logging_xml(given, name),
            s3._put_bucket_logging,
            s3._bucket_logging_config,
        ),
    )
    for key, to_xml, put, stored in settings:
        if properties.get(key):
            _check(put(name, to_xml(properties[key])), key)
        else:
            stored.pop(name, None)
    if properties.get("OwnershipControls"):
        _check(
            s3._put_bucket_ownership_controls(name, ownership_xml(properties["OwnershipControls"])),
            "OwnershipControls",
        )
    s3._bucket_tags[name] = tags.as_map(properties.get("Tags"))


def _check(result: tuple[int, Any, bytes], key: str) -> None:
    if result[0] >= 300:
        raise ValueError(f"AWS::S3::Bucket {key} rejected: {result[2].decode(errors='replace')}")


def _default_key(original: Callable[..., Any]) -> Callable[..., Any]:
    """aws:kms without a key means the account's aws/s3 key; ministack refuses such a put."""

    def resolve(headers: dict[str, str], bucket: str) -> Any:
        algorithm = "x-amz-server-side-encryption"
        key_header = f"{algorithm}-aws-kms-key-id"
        if headers.get(algorithm) == "aws:kms" and not headers.get(key_header):
            default = s3._bucket_default_sse_headers(bucket).get(key_header)
            managed = f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"
            headers = {**headers, key_header: default or managed}
        return original(headers, bucket)

    return resolve


def _create_auto_delete(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    return f"{stack}-{logical_id}-{properties['BucketName']}", {}


def _delete_auto_delete(physical_id: str, properties: Document) -> None:
    """Empty the bucket if it still carries CDK's tag, as CDK's own provider does."""
    del physical_id
    bucket = properties["BucketName"]
    if s3._bucket_tags.get(bucket, {}).get(AUTO_DELETE_TAG) == "true":
        objects.empty(bucket)


def install() -> None:
    """Complete the bucket type, and stand in for CDK's Node provider of S3AutoDeleteObjects."""
    provisioners = importlib.import_module(ministack_patches.PROVISIONERS)
    bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update, delete = bucket["create"], bucket["update"], bucket["delete"]

    def create_bucket(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        name, attributes = create(logical_id, properties, stack)
        apply(name, properties)
        return name, attributes

    def update_bucket(
        physical_id: str, old: Document, new: Document, stack: str
    ) -> tuple[str, Document]:
        name, attributes = update(physical_id, old, new, stack)
        if (new.get("VersioningConfiguration") or {}).get("Status") == "Suspended":
            s3._bucket_versioning[name] = "Suspended"
        apply(name, new)
        return name, attributes

    def delete_bucket(physical_id: str, properties: Document) -> None:
        if not objects.is_empty(physical_id):
            raise ValueError(f"The bucket you tried to delete is not empty: {physical_id}")
        s3._bucket_logging_config.pop(physical_id, None)
        delete(physical_id, properties)

    bucket.update(create=create_bucket, update=update_bucket, delete=delete_bucket)
    provisioners._STACK_TAG_PROPERTY["AWS::S3::Bucket"] = ("Tags", "list")
    ministack_patches.wrap("ministack.services.s3", "_resolve_sse_write_headers", _default_key)
    ministack_patches.add_resource_type(
        "Custom::S3AutoDeleteObjects",
        create=_create_auto_delete,
        delete=_delete_auto_delete,
        update=lambda physical_id, _old, _new, _stack: (physical_id, {}),
    )
