# SPDX-License-Identifier: Apache-2.0
"""Empties the model package group when its stack is deleted: SageMaker deletes only empty groups.

A CloudFormation custom resource. It does nothing on creation and update, and is deployed only where
the environment's removal policy is ``destroy``. It can be repeated: packages that no longer exist
count as deleted, and the next `cdk destroy` continues where one call ran out of time.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from contracts.custom_resource import respond

RETRIES = Config(retries={"mode": "adaptive", "max_attempts": 5})
"""Hundreds of deletions exceed SageMaker's rate limit; adaptive retries slow down to it."""
ANSWER_MILLISECONDS = 90_000
"""Time reserved for one more call with all its retries and for the answer: without an answer
CloudFormation waits an hour."""


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answer one CloudFormation request.

    Even errors are answered; otherwise the stack would hang.
    """
    group = event["ResourceProperties"]["ModelPackageGroupName"]
    reason = ""
    try:
        if event["RequestType"] == "Delete":
            client = boto3.client("sagemaker", config=RETRIES)
            deleted, left = empty_group(
                client,
                group,
                has_time=lambda: context.get_remaining_time_in_millis() > ANSWER_MILLISECONDS,
            )
            print(f"deleted {deleted} model packages of {group}, {left} left")
            if left:
                reason = (
                    f"model package group {group}: deleted {deleted} model packages, {left} are "
                    "left because the time ran out. Destroy again to continue"
                )
    except Exception as error:  # noqa: BLE001 - whatever it was, CloudFormation must be told
        reason = f"model package group {group}: {type(error).__name__}: {error}"
        print(reason)
    # The same id on every request: another one would make CloudFormation delete the old resource.
    respond(event, physical_id=group, reason=reason, log_stream=context.log_stream_name)


def empty_group(sagemaker: Any, group: str, *, has_time: Callable[[], bool]) -> tuple[int, int]:
    """Delete packages of a group while ``has_time``; return how many were deleted and are left."""
    # Listed whole first: deleting while paging would skip some.
    packages = list(_packages(sagemaker, group))
    for number, package in enumerate(packages):
        if not has_time():
            return number, len(packages) - number
        try:
            sagemaker.delete_model_package(ModelPackageName=package)
        except ClientError as error:
            if not _gone(error):
                raise
    return len(packages), 0


def _packages(sagemaker: Any, group: str) -> Iterator[str]:
    """The ARNs of a group's packages; none if the group does not exist."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    try:
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                yield str(summary["ModelPackageArn"])
    except ClientError as error:
        if not _gone(error):
            raise


def _gone(error: ClientError) -> bool:
    """SageMaker has no error code of its own for missing resources."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    said = ("does not exist" in message) or ("not find" in message)
    return code == "ResourceNotFound" or (code == "ValidationException" and said)
