# SPDX-License-Identifier: Apache-2.0
"""S3 for a role, from inside the server: what S3 and KMS would let it read, list and write.

A named version needs `s3:GetObjectVersion`; a missing key is a 404 only for who may list the
bucket, and that question carries no prefix; an object under a customer managed key needs the key.
"""

from __future__ import annotations

from dataclasses import dataclass

from ministack.services import s3

from ministack_edge.enforcement import decisions, keys
from ministack_edge.enforcement.actors import Actor
from ministack_edge.protocol import AwsError
from ministack_edge.storage import objects

KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"


@dataclass(frozen=True)
class Storage:
    """S3 as one actor sees it; the same calls as `objects`."""

    actor: Actor

    def read(self, bucket: str, key: str, version: str | None = None) -> bytes:
        """The object's bytes, or S3's 403 or 404."""
        action = "s3:GetObjectVersion" if version else "s3:GetObject"
        self.actor.require(action, object_arn(bucket, key), s3__VersionId=version)
        if not exists(bucket, key):
            missing(self.actor, bucket, key)
        decrypt(self.actor, bucket, key)
        return objects.read(bucket, key)

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """The keys below a prefix."""
        self.actor.require("s3:ListBucket", bucket_arn(bucket), s3__prefix=prefix)
        return objects.keys(bucket, prefix)

    def write(self, bucket: str, key: str, body: bytes) -> None:
        """Put an object."""
        self.actor.require("s3:PutObject", object_arn(bucket, key))
        encrypt(self.actor, bucket)
        objects.write(bucket, key, body)


def bucket_arn(bucket: str) -> str:
    """The ARN of a bucket."""
    return f"arn:aws:s3:::{bucket}"


def object_arn(bucket: str, key: str) -> str:
    """The ARN of an object."""
    return f"arn:aws:s3:::{bucket}/{key}"


def exists(bucket: str, key: str) -> bool:
    """Whether the key has a current version."""
    record = s3._buckets.get(bucket)
    return record is not None and key in record["objects"]


def missing(actor: Actor, bucket: str, key: str) -> None:
    """Raise what S3 answers about a key that is not there."""
    if decisions.enabled() and not _may_list(actor, bucket):
        raise AwsError("AccessDenied", f"Access Denied: s3://{bucket}/{key}", status=403)
    raise AwsError("NoSuchKey", f"s3://{bucket}/{key} does not exist", status=404)


def _may_list(actor: Actor, bucket: str) -> bool:
    """The request for an object carries no prefix, so a condition on it does not hold.

    This is S3's own question and not a call of the actor, so it is not recorded as a refusal.
    """
    return decisions.would_allow(actor.arn, "s3:ListBucket", bucket_arn(bucket))


def encryption_key(bucket: str, key: str | None = None) -> str:
    """The KMS key of an object, or the bucket's default; empty for SSE-S3."""
    if key is not None:
        record = (s3._buckets.get(bucket) or {"objects": {}})["objects"].get(key) or {}
        return str((record.get("preserved_headers") or {}).get(KEY_HEADER) or "")
    return str(s3._bucket_default_sse_headers(bucket).get(KEY_HEADER) or "")


def decrypt(actor: Actor, bucket: str, key: str, *, with_key: str = "") -> None:
    """What reading the object needs of its key, or of ``with_key``."""
    _use(actor, with_key or encryption_key(bucket, key), keys.DECRYPT, bucket)


def encrypt(actor: Actor, bucket: str, key: str = "", *, multipart: bool = False) -> None:
    """What writing to the bucket needs of the key; several parts are also read back."""
    actions = (*keys.ENCRYPT, *keys.DECRYPT) if multipart else keys.ENCRYPT
    _use(actor, key or encryption_key(bucket), actions, bucket)


def _use(actor: Actor, key: str, actions: tuple[str, ...], bucket: str) -> None:
    keys.use(
        actor,
        key,
        actions,
        service="s3",
        encryption_context={"aws:s3:arn": bucket_arn(bucket)},
    )
