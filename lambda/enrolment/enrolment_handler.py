# SPDX-License-Identifier: Apache-2.0
"""AWS Lambda entries of enrolment: AWS IoT's pre-provisioning hook, and the kits' expiry."""

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import boto3
from enrolment.hook import answer
from enrolment.kits import announce, close_expired, report
from enrolment.registry import Registry


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Decide whether a camera may be registered. AWS IoT waits five seconds for the answer."""
    del context
    return answer(event, _registry(), int(time.time()))


def daily(event: object, context: object) -> dict[str, Any]:
    """Deactivate the claim certificates that have expired; report those that will expire soon."""
    del event, context
    now = int(time.time())
    found = close_expired(_registry(), now)
    report(found, namespace=os.environ["METRIC_NAMESPACE"], now=now)
    announce(found, boto3.client("events"), os.environ["BINSIGHT_PREFIX"])
    return found


@lru_cache(maxsize=1)
def _registry() -> Registry:
    table = boto3.resource("dynamodb").Table(os.environ["BINSIGHT_CAMERAS_TABLE"])
    return Registry(table, boto3.client("iot"), os.environ["BINSIGHT_PREFIX"])


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # In Lambda's initialisation, which has ten seconds and a whole processor. In a cold start's
    # first call, boto3's clients would take most of the five seconds that AWS IoT waits.
    _registry()
