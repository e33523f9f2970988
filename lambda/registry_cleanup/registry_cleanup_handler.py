# SPDX-License-Identifier: Apache-2.0
"""Empties the model package group when its stack is deleted: SageMaker deletes only empty groups.

A CloudFormation custom resource. It does nothing on creation and update, and is deployed only where
the environment's removal policy is ``destroy``.
"""

from collections.abc import Mapping
from typing import Any

import boto3

from contracts.custom_resource import respond


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answer one CloudFormation request. Every outcome is answered, or the stack would hang."""
    group = event["ResourceProperties"]["ModelPackageGroupName"]
    reason = ""
    try:
        if event["RequestType"] == "Delete":
            deleted = empty_group(boto3.client("sagemaker"), group)
            print(f"deleted {deleted} model packages of {group}")
    except Exception as error:  # noqa: BLE001 - whatever it was, CloudFormation must be told
        reason = f"model package group {group}: {type(error).__name__}: {error}"
        print(reason)
    # The same id on every request: another one would make CloudFormation delete the old resource.
    respond(event, physical_id=group, reason=reason, log_stream=context.log_stream_name)


def empty_group(sagemaker: Any, group: str) -> int:
    """Delete every model package of a group; return how many there were."""
    deleted = 0
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    # Listed whole first: deleting while paging would skip some.
    summaries = [item for page in pages for item in page["ModelPackageSummaryList"]]
    for summary in summaries:
        sagemaker.delete_model_package(ModelPackageName=summary["ModelPackageArn"])
        deleted += 1
    return deleted
