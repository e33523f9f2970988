# SPDX-License-Identifier: Apache-2.0
"""AWS Lambda entry of the model rollout; README.md beside it has payloads and results."""

import inspect
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import boto3

from rollout.deployments import check, deploy, restore
from rollout.package import create_component, package
from rollout.settings import RolloutError, Settings, from_environment

_ACTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "package": package,
    "create_component": create_component,
    "deploy": deploy,
    "check": check,
    "restore": restore,
}


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Run one step of the rollout."""
    del context
    return dispatch(event, settings=_settings(), clients=_clients(), now=datetime.now(UTC))


def dispatch(
    event: Mapping[str, Any],
    *,
    settings: Settings,
    clients: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """Call the action that the payload names with the keys it takes; other keys are ignored."""
    name = event.get("action")
    action = _ACTIONS.get(str(name))
    if action is None:
        raise RolloutError(f"action {name!r}: allowed are {', '.join(_ACTIONS)}")
    ready: dict[str, Any] = {**clients, "settings": settings, "now": now}
    arguments: dict[str, Any] = {}
    for key, parameter in inspect.signature(action).parameters.items():
        if key in ready:
            arguments[key] = ready[key]
        elif parameter.default in (inspect.Parameter.empty, None):
            value = event.get(key)
            if parameter.default is None and value is None:
                continue
            if not isinstance(value, str) or not value:
                raise RolloutError(f"action {name!r}: payload key {key!r} is {value!r}, not text")
            arguments[key] = value
    return action(**arguments)


@lru_cache(maxsize=1)
def _settings() -> Settings:
    return from_environment(os.environ)


@lru_cache(maxsize=1)
def _clients() -> dict[str, Any]:
    names = {"greengrass": "greengrassv2", "iot": "iot", "s3": "s3", "sagemaker": "sagemaker"}
    return {name: boto3.client(service) for name, service in names.items()}
