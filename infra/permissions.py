# SPDX-License-Identifier: Apache-2.0
"""Statements that several roles need, each as narrow as the service allows."""

from collections.abc import Sequence
from typing import Any

from infra.roles import Allow


def read_objects(bucket_arn: str, prefixes: Sequence[str]) -> Allow:
    """Read objects under these prefixes (each ends with ``*`` or names one object)."""
    return Allow(
        actions=["s3:GetObject"],
        on=[f"{bucket_arn}/{prefix}" for prefix in prefixes],
        why="Reads objects whose names are not known at deployment, under these prefixes only.",
    )


def write_objects(bucket_arn: str, prefixes: Sequence[str]) -> Allow:
    """Write objects under these prefixes, in parts where they are large."""
    return Allow(
        actions=["s3:AbortMultipartUpload", "s3:PutObject"],
        on=[f"{bucket_arn}/{prefix}" for prefix in prefixes],
        why="Writes objects whose names are not known at deployment, under these prefixes only.",
    )


def list_objects(bucket_arn: str, prefixes: Sequence[str]) -> Allow:
    """List what is under these prefixes of a bucket."""
    return Allow(
        actions=["s3:ListBucket"],
        on=[bucket_arn],
        when={"StringLike": {"s3:prefix": list(prefixes)}},
    )


def use_key(
    key_arn: str, region: str, services: Sequence[str], *, actions: Sequence[str] = ()
) -> Allow:
    """Encrypt and decrypt with the key, only through these services."""
    return Allow(
        actions=actions or ["kms:Decrypt", "kms:GenerateDataKey"],
        on=[key_arn],
        when={
            "StringEquals": {
                "kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in services]
            }
        },
    )


def write_logs(log_group_arn: str) -> Allow:
    """Write to one declared log group."""
    return Allow(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        on=[log_group_arn],
        why="The wildcard is the log stream, whose name the service makes up; the log group is "
        "named in full.",
    )


def only_from(arn: Any) -> dict[str, dict[str, Any]]:
    """Trust condition: the service acts for this one resource."""
    return {"ArnEquals": {"aws:SourceArn": arn}}
