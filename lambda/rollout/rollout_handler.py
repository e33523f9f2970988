# SPDX-License-Identifier: Apache-2.0
"""AWS Lambda entry of the model rollout; README.md beside it has payloads and results."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import boto3

from rollout.bake import look, remember
from rollout.deployments import check, deploy, restore, undo
from rollout.package import create_component, package
from rollout.settings import RolloutError, Settings, from_environment


class _Action(NamedTuple):
    """A step: its function, its payload keys, and its other arguments."""

    call: Callable[..., dict[str, Any]]
    keys: tuple[str, ...]
    given: tuple[str, ...]
    optional: tuple[str, ...] = ()


_ACTIONS: Mapping[str, _Action] = {
    "package": _Action(package, ("model_package_arn",), ("settings", "sagemaker", "s3")),
    "create_component": _Action(
        create_component,
        ("version", "digest", "archive_uri", "adopt_uri"),
        ("settings", "greengrass"),
    ),
    "deploy": _Action(deploy, ("group", "version"), ("settings", "greengrass", "now")),
    "check": _Action(
        check,
        ("group", "deployment_id", "started_at"),
        ("settings", "greengrass", "iot", "now"),
    ),
    "restore": _Action(
        restore,
        ("group", "deployment_id"),
        ("settings", "greengrass"),
        optional=("previous_version",),
    ),
    "undo": _Action(undo, ("version", "since"), ("settings", "greengrass")),
    "look": _Action(
        look,
        ("started_at",),
        ("settings", "clients", "now"),
        optional=("memory", "past"),
    ),
    "remember": _Action(remember, (), ("settings", "clients")),
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
    ready: dict[str, Any] = {**clients, "clients": clients, "settings": settings, "now": now}
    arguments = {name: ready[name] for name in action.given}
    # The state machine's first look has an empty memory, because CDK omits nulls from definitions.
    optional = [key for key in action.optional if event.get(key) not in (None, "")]
    for key in (*action.keys, *optional):
        value = event.get(key)
        if not isinstance(value, str) or not value:
            raise RolloutError(f"action {name!r}: payload key {key!r} is {value!r}, not text")
        arguments[key] = value
    return action.call(**arguments)


@lru_cache(maxsize=1)
def _settings() -> Settings:
    return from_environment(os.environ)


@lru_cache(maxsize=1)
def _clients() -> dict[str, Any]:
    names = ("cloudformation", "iot", "s3", "sagemaker")
    return {
        **{name: boto3.client(name) for name in names},
        "greengrass": boto3.client("greengrassv2"),
        "dynamodb": boto3.resource("dynamodb"),
    }
