# SPDX-License-Identifier: Apache-2.0
"""Tags of the resources that this package adds, in both shapes that AWS uses (list and map)."""

from __future__ import annotations

from typing import Any

from ministack_edge.protocol import store

_tags: Any = store()


def as_map(given: Any) -> dict[str, str]:
    """Tags as a map, from a list of Key and Value or from a map."""
    if isinstance(given, dict):
        return {str(key): str(value) for key, value in given.items()}
    return {str(item["Key"]): str(item.get("Value", "")) for item in given or []}


def put(resource_arn: str, given: Any) -> None:
    """Add or change tags."""
    if given:
        _tags[resource_arn] = {**_tags.get(resource_arn, {}), **as_map(given)}


def replace(resource_arn: str, given: Any) -> None:
    """Make these the only tags."""
    _tags[resource_arn] = as_map(given)


def remove(resource_arn: str, keys: list[str]) -> None:
    """Remove tags by key."""
    kept = {key: value for key, value in of(resource_arn).items() if key not in keys}
    _tags[resource_arn] = kept


def of(resource_arn: str) -> dict[str, str]:
    """The tags of a resource as a map."""
    return dict(_tags.get(resource_arn, {}))


def as_list(resource_arn: str) -> list[dict[str, str]]:
    """The tags of a resource as a list of Key and Value."""
    return [{"Key": key, "Value": value} for key, value in of(resource_arn).items()]


def forget(resource_arn: str) -> None:
    """The resource is gone."""
    _tags.pop(resource_arn, None)
