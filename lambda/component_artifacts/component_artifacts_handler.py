# SPDX-License-Identifier: Apache-2.0
"""Copies a component's archives from the CDK's assets bucket to the prefix that cameras may read.

A CloudFormation custom resource. It deletes nothing: a camera may still download an archive that a
deployment has just replaced.
"""

import time
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

from contracts.custom_resource import respond

ATTEMPTS, PAUSE_SECONDS = 13, 5.0
"""The same deployment grants read access to a new archive, and IAM needs a moment to apply it."""


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answer one CloudFormation request.

    Even errors are answered; otherwise the stack would hang.
    """
    properties = event["ResourceProperties"]
    folder = f"{properties['Bucket']}/{properties['Folder']}"
    reason = ""
    try:
        if event["RequestType"] != "Delete":
            copy_files(boto3.client("s3"), properties)
            print(f"copied {', '.join(sorted(properties['Files']))} to {folder}")
    except Exception as error:  # noqa: BLE001 - whatever it was, CloudFormation must be told
        reason = f"{folder}: {type(error).__name__}: {error}"
        print(reason)
    respond(event, physical_id=folder, reason=reason, log_stream=context.log_stream_name)


def copy_files(s3: Any, properties: Mapping[str, Any]) -> None:
    """Copy every file within S3, each one completely or not at all."""
    for name, source in sorted(properties["Files"].items()):
        key = f"{properties['Folder']}/{name}"
        _copy_with_retry(s3, Bucket=properties["Bucket"], Key=key, CopySource=dict(source))


def _copy_with_retry(s3: Any, **copy: Any) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            s3.copy_object(**copy)
            return
        except ClientError as error:
            denied = error.response["Error"]["Code"] in {"AccessDenied", "403"}
            if not denied or attempt == ATTEMPTS:
                raise
        time.sleep(PAUSE_SECONDS)
