# SPDX-License-Identifier: Apache-2.0
"""AWS Lambda entry of the watcher, called by the clock."""

import os
import time
from functools import lru_cache
from typing import Any

import boto3

from fleet_watch.settings import Settings, from_environment
from fleet_watch.watch import run


def handler(event: object, context: object) -> dict[str, int]:
    """Look at every camera once; the metrics that were written."""
    del event, context
    return run(_settings(), _clients(), time.time_ns() // 1_000_000)


@lru_cache(maxsize=1)
def _settings() -> Settings:
    return from_environment(os.environ)


@lru_cache(maxsize=1)
def _clients() -> dict[str, Any]:
    names = {"cloudwatch": "cloudwatch", "greengrass": "greengrassv2", "iot": "iot", "sns": "sns"}
    clients = {name: boto3.client(service) for name, service in names.items()}
    return {**clients, "dynamodb": boto3.resource("dynamodb")}
