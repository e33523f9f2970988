# SPDX-License-Identifier: Apache-2.0
"""How a Lambda function answers CloudFormation as a custom resource."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any


def respond(event: Mapping[str, Any], *, physical_id: str, reason: str, log_stream: str) -> None:
    """Send the outcome to CloudFormation; no reason means success.

    A ``physical_id`` that differs from the last one makes CloudFormation delete the old resource.
    """
    body = {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": reason or f"Log stream {log_stream}",
        "PhysicalResourceId": physical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's presigned address
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        headers={"Content-Type": ""},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - as above
        pass
