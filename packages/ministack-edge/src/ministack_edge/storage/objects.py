# SPDX-License-Identifier: Apache-2.0
"""S3 from inside the server: the same objects, rules and events, without a request to ourselves.

A request from the event loop to itself never returns (facts/emulator.md, obstacle 6), so everything
in this package that reads or writes S3 comes here.
"""

from __future__ import annotations

from typing import Any

from ministack.services import s3

from ministack_edge.protocol import AwsError


def parse(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an `s3://` URI."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise AwsError("ValidationException", f"{uri!r} is not an S3 URI (s3://bucket/key)")
    return bucket, key


def _bucket(name: str) -> Any:
    bucket = s3._buckets.get(name)
    if bucket is None:
        raise AwsError("NoSuchBucket", f"The bucket {name} does not exist", status=404)
    return bucket


def exists(bucket: str) -> bool:
    """Whether there is such a bucket here."""
    return s3._buckets.get(bucket) is not None


def read(bucket: str, key: str) -> bytes:
    """The object's bytes."""
    _bucket(bucket)
    data: bytes | None = s3._get_object_data(bucket, key)
    if data is None:
        raise AwsError("NoSuchKey", f"s3://{bucket}/{key} does not exist", status=404)
    return data


def version(bucket: str, key: str) -> str:
    """The id of the object's current version; empty where the bucket is not versioned."""
    record = _bucket(bucket)["objects"].get(key) or {}
    return str(record.get("version_id") or "")


def keys(bucket: str, prefix: str) -> list[str]:
    """The keys under a prefix, in order."""
    return sorted(key for key in list(_bucket(bucket)["objects"]) if key.startswith(prefix))


def write(bucket: str, key: str, body: bytes) -> None:
    """Put an object: default encryption, versions and events as for any other put."""
    _bucket(bucket)
    status, _headers, reason = s3._put_object(bucket, key, body, {})
    if status >= 300:
        raise AwsError("S3Exception", f"s3://{bucket}/{key} was refused: {reason!r}")


def is_empty(bucket: str) -> bool:
    """Whether DeleteBucket would succeed: no object, no version, no delete marker."""
    record = s3._buckets.get(bucket)
    if record is None:
        return True
    return not record["objects"] and not any(
        name == bucket and versions for (name, _key), versions in s3._object_versions.items()
    )


def empty(bucket: str) -> None:
    """Delete every object and version."""
    record = s3._buckets.get(bucket)
    if record is None:
        return
    record["objects"].clear()
    for name, key in list(s3._object_versions.keys()):
        if name == bucket:
            s3._object_versions.pop((name, key), None)
