# SPDX-License-Identifier: Apache-2.0
"""Statements that several roles need, each as narrow as the service allows."""

from collections.abc import Sequence

from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from infra.common.role import Allow
from infra.common.stack import environment_of


def read_objects(bucket: s3.IBucket, prefixes: Sequence[str], *, versions: bool = False) -> Allow:
    """Read objects under these prefixes (each ends with ``*`` or names one object).

    ``versions``: also read named versions of an object, for which S3 requires another permission.
    """
    return Allow(
        actions=["s3:GetObject", "s3:GetObjectVersion"] if versions else ["s3:GetObject"],
        resources=[bucket.arn_for_objects(prefix) for prefix in prefixes],
        why="Reads objects whose names are not known at deployment, under these prefixes only.",
    )


def write_objects(bucket: s3.IBucket, prefixes: Sequence[str], *, in_parts: bool = True) -> Allow:
    """Write objects under these prefixes; ``in_parts``: with uploads in parts, which may fail."""
    abort = ["s3:AbortMultipartUpload"] if in_parts else []
    return Allow(
        actions=[*abort, "s3:PutObject"],
        resources=[bucket.arn_for_objects(prefix) for prefix in prefixes],
        why="Writes objects whose names are not known at deployment, under these prefixes only.",
    )


def list_objects(bucket: s3.IBucket, prefixes: Sequence[str] = ()) -> Allow:
    """List the objects under these prefixes of a bucket; without prefixes, the whole bucket.

    Only without prefixes does S3 answer 404 for a missing object: a read sends no ``s3:prefix``, so
    a condition on it does not hold, and the answer is 403.
    """
    return Allow(
        actions=["s3:ListBucket"],
        resources=[bucket.bucket_arn],
        conditions={"StringLike": {"s3:prefix": list(prefixes)}} if prefixes else None,
    )


def list_packages(construct: IConstruct, group: str) -> Allow:
    """List the packages of the environment's model package group with this name.

    AWS authorises the action on the listed packages (service authorization reference, SageMaker's
    own policy for other accounts). The group is included too, in case AWS checks it instead.
    """
    environment = environment_of(construct)
    return Allow(
        actions=["sagemaker:ListModelPackages"],
        resources=[
            environment.arn("sagemaker", f"model-package-group/{group}"),
            environment.arn("sagemaker", f"model-package/{group}/*"),
        ],
        why="SageMaker names a group's packages by number.",
    )


def use_data_key(
    construct: IConstruct, services: Sequence[str], *, actions: Sequence[str] = ()
) -> Allow:
    """Encrypt and decrypt with the environment's key, only through these services.

    ``construct`` is any construct of the environment.
    """
    environment = environment_of(construct)
    return Allow(
        actions=actions or ["kms:Decrypt", "kms:GenerateDataKey"],
        resources=[environment.key.key_arn],
        conditions={
            "StringEquals": {
                "kms:ViaService": [
                    f"{service}.{environment.region}.amazonaws.com" for service in services
                ]
            }
        },
    )


def write_logs(group: logs.ILogGroup, *, describe: bool = False, create: bool = True) -> Allow:
    """Write to one declared log group.

    ``describe`` is for a service that looks at the streams first; ``create`` is False for one whose
    stream the template declares.
    """
    look = ["logs:DescribeLogStreams"] if describe else []
    make = ["logs:CreateLogStream"] if create else []
    return Allow(
        actions=[*make, "logs:PutLogEvents", *look],
        resources=[group.log_group_arn],
    )
