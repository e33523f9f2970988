# SPDX-License-Identifier: Apache-2.0
"""CloudFormation acts as the execution role, or as the caller where there is none.

Every create, read, update and delete of a resource needs what the type's schema lists, on that
resource, with the condition keys that AWS would have. A refusal fails the resource in AWS's words.
Nested stacks are not covered: ministack deploys what is in them without coming by here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ministack.services.cloudformation import provisioners

from ministack_edge import ministack_patches
from ministack_edge.enforcement import handed, handlers, stack_operations, unneeded
from ministack_edge.enforcement.arns import Resource
from ministack_edge.enforcement.decisions import AccessDeniedError
from ministack_edge.enforcement.stack_operations import acting

Properties = Mapping[str, Any]


def install() -> None:
    """Decide every stack operation from now on. After all resource types have been added."""
    actions = importlib.import_module("ministack.services.cloudformation.handlers")._ACTION_HANDLERS
    for name in stack_operations.OPERATIONS:
        actions[name] = stack_operations.operation(name, actions[name])
    for verb, wrapper in (("provision", _creating), ("update", _updating), ("delete", _deleting)):
        ministack_patches.wrap(
            "ministack.services.cloudformation.stacks", f"_{verb}_resource", wrapper
        )
    for module in ("stacks", "changesets"):
        ministack_patches.wrap(
            f"ministack.services.cloudformation.{module}", "_import_resource", _importing
        )
    ministack_patches.wrap(
        "ministack.services.cloudformation.drift", "detect_resource_drift", _drifting
    )


class ResourceRefusedError(Exception):
    """What a resource's event says when its handler was refused."""

    def __init__(self, error: AccessDeniedError) -> None:
        super().__init__(
            f'Resource handler returned message: "{error.message} (Status Code: 403)" '
            "(HandlerErrorCode: AccessDenied)"
        )


def require(verb: str, resource: Resource, *, before: Properties | None = None) -> None:
    """Everything that one verb of a resource needs; ResourceRefusedError at the first refusal.

    ``before`` are the properties that an update takes away from.
    """
    actor = acting.get()
    if actor is None or actor.arn.endswith(":root"):
        return
    try:
        for action, arn, context in _calls(verb, resource, before or {}):
            actor.require(
                action, arn, **{key.replace(":", "__"): value for key, value in context.items()}
            )
    except AccessDeniedError as error:
        raise ResourceRefusedError(error) from error


def _calls(verb: str, resource: Resource, before: Properties) -> Iterator[handed.Call]:
    if _is_custom(resource.type):
        token = str(resource.properties.get("ServiceToken", ""))
        if ":lambda:" in token:
            yield "lambda:InvokeFunction", token, {}
        return
    # A resource is read once it has been made or changed: its attributes come from there.
    verbs = (verb, "read") if verb in ("create", "update") else (verb,)
    asked = dict.fromkeys(
        action for one in verbs for action in handlers.permissions(resource.type, one)
    )
    both = {**before, **resource.properties}
    for action in asked:
        if unneeded.needed(resource.type, action, both):
            yield from handed.calls(resource, action)
            if action == "iam:DetachRolePolicy" and before:
                yield from handed.calls(replace(resource, properties=before), action)
    if before.get("PermissionsBoundary") and not resource.properties.get("PermissionsBoundary"):
        yield from handed.calls(resource, "iam:DeleteRolePermissionsBoundary")


def _is_custom(resource_type: str) -> bool:
    return resource_type.startswith(("Custom::", "AWS::CloudFormation::"))


def _creating(original: Callable[..., Any]) -> Callable[..., Any]:
    def provision(
        resource_type: str, logical_id: str, properties: Properties, stack_name: str
    ) -> Any:
        require("create", Resource(resource_type, logical_id, stack_name, properties))
        return original(resource_type, logical_id, properties, stack_name)

    return provision


def _updating(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(  # noqa: PLR0917 - ministack calls it by position
        resource_type: str,
        physical_id: str,
        old: Properties,
        new: Properties,
        stack_name: str,
        logical_id: str | None = None,
        attributes: dict[str, Any] | None = None,
    ) -> Any:
        if old != new:
            logical = logical_id or physical_id
            if provisioners._replacing_change(resource_type, old, new):
                require("create", Resource(resource_type, logical, stack_name, new))
            else:
                changed = Resource(resource_type, logical, stack_name, new, physical_id)
                require("update", changed, before=old)
        return original(resource_type, physical_id, old, new, stack_name, logical_id, attributes)

    return update


def _deleting(original: Callable[..., Any]) -> Callable[..., Any]:
    def delete(
        resource_type: str,
        physical_id: str,
        properties: Properties,
        stack_name: str | None = None,
        logical_id: str | None = None,
    ) -> Any:
        gone = Resource(resource_type, logical_id or "", stack_name or "", properties, physical_id)
        require("delete", gone)
        return original(resource_type, physical_id, properties, stack_name, logical_id)

    return delete


def _importing(original: Callable[..., Any]) -> Callable[..., Any]:
    def adopt(resource_type: str, identifier: dict[str, str]) -> Any:
        physical_id = next(iter(identifier.values()), "")
        require("read", Resource(resource_type, "", "", identifier, physical_id))
        return original(resource_type, identifier)

    return adopt


def _drifting(original: Callable[..., Any]) -> Callable[..., Any]:
    def detect(stack: dict[str, Any], logical_id: str, record: dict[str, Any], when: str) -> Any:
        resource = Resource(
            record.get("ResourceType", ""),
            logical_id,
            stack.get("StackName", ""),
            record.get("Properties") or {},
            record.get("PhysicalResourceId"),
        )
        try:
            require("read", resource)
        except ResourceRefusedError as error:
            return {
                "StackId": stack.get("StackId", ""),
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": resource.physical_id or "",
                "ResourceType": resource.type,
                "Timestamp": when,
                "StackResourceDriftStatus": "UNKNOWN",
                "DriftStatusReason": str(error),
            }
        return original(stack, logical_id, record, when)

    return detect
