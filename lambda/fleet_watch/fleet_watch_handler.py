# SPDX-License-Identifier: Apache-2.0
"""AWS Lambda entry of the watcher, called on a schedule and for events about enrolment kits."""

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import boto3

from fleet_watch.kits import expiring
from fleet_watch.settings import Settings, from_environment
from fleet_watch.watch import run


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:
    """Check every camera once and return the metrics that were written, or mail expiring kits."""
    del context
    if kits := (event.get("detail") or {}).get("kits"):
        letter = expiring(kits, place=_settings().place)
        _clients()["sns"].publish(
            TopicArn=_settings().topic, Subject=letter.subject, Message=letter.text
        )
        return {}
    return run(_settings(), _clients(), time.time_ns() // 1_000_000)


@lru_cache(maxsize=1)
def _settings() -> Settings:
    return from_environment(os.environ)


@lru_cache(maxsize=1)
def _clients() -> dict[str, Any]:
    names = {"cloudwatch": "cloudwatch", "greengrass": "greengrassv2", "iot": "iot", "sns": "sns"}
    clients = {name: boto3.client(service) for name, service in names.items()}
    return {**clients, "dynamodb": boto3.resource("dynamodb")}
