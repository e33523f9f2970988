# SPDX-License-Identifier: Apache-2.0
"""CloudFormation: Greengrass component versions and deployments, IoT role aliases."""

from __future__ import annotations

import asyncio
import base64
import importlib
from collections.abc import Callable, Coroutine
from typing import Any

from ministack_edge import ministack_patches, tags
from ministack_edge.greengrass import components, deployments
from ministack_edge.iot import role_aliases
from ministack_edge.protocol import AwsError, Document

COMPONENT, DEPLOYMENT = "AWS::GreengrassV2::ComponentVersion", "AWS::GreengrassV2::Deployment"
ROLE_ALIAS = "AWS::IoT::RoleAlias"
STACKS = "ministack.services.cloudformation.stacks"

# Properties whose keys are the user's own and keep their case.
_MAPS = {"Components", "EnvironmentVariables", "ComponentDependencies", "Attributes"}
_CREATE_WAIT_SECONDS = 60.0


def to_api(node: Any) -> Any:
    """CloudFormation's property names as the Greengrass API spells them."""
    if isinstance(node, list):
        return [to_api(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key[0].lower() + key[1:]: (
            {name: to_api(item) for name, item in value.items()}
            if key in _MAPS and isinstance(value, dict)
            else to_api(value)
        )
        for key, value in node.items()
    }


def failing_as_cloudformation(
    function: Callable[..., tuple[str, Document]],
) -> Callable[..., tuple[str, Document]]:
    """An API error becomes the resource's status reason."""

    def call(*arguments: Any) -> tuple[str, Document]:
        try:
            return function(*arguments)
        except AwsError as error:
            raise ValueError(f"{error.code}: {error.message}") from error

    return call


def _create_component(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    del logical_id, stack
    given = {key: value for key, value in properties.items() if key not in ("Tags", "InlineRecipe")}
    request = {**to_api(given), "tags": properties.get("Tags")}
    if properties.get("InlineRecipe"):
        request["inlineRecipe"] = base64.b64encode(properties["InlineRecipe"].encode()).decode()
    created = components.create(request)
    return created["arn"], {
        "Arn": created["arn"],
        "ComponentName": created["componentName"],
        "ComponentVersion": created["componentVersion"],
    }


def _update_component(
    physical_id: str, old: Document, new: Document, stack: str
) -> tuple[str, Document]:
    del old, stack
    component = components.find(physical_id)
    tags.replace(physical_id, new.get("Tags"))
    return physical_id, {
        "Arn": physical_id,
        "ComponentName": component["componentName"],
        "ComponentVersion": component["componentVersion"],
    }


def _delete_component(physical_id: str, properties: Document) -> None:
    del properties
    try:
        components.delete(physical_id)
    except AwsError:
        return  # already gone, which is what was asked for


def _on_main_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run on the server's loop from the worker thread that provisions a deployment."""
    loop = importlib.import_module("ministack.app")._MAIN_LOOP
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(_CREATE_WAIT_SECONDS)


def _create_deployment(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    del logical_id, stack
    given = {key: value for key, value in properties.items() if key != "Tags"}
    request = {**to_api(given), "tags": properties.get("Tags")}
    created = _on_main_loop(deployments.create(request))
    return created["deploymentId"], {"DeploymentId": created["deploymentId"]}


def _update_deployment(
    physical_id: str, old: Document, new: Document, stack: str
) -> tuple[str, Document]:
    del old, stack
    tags.replace(deployments.deployment_arn(physical_id), new.get("Tags"))
    return physical_id, {"DeploymentId": physical_id}


def _delete_deployment(physical_id: str, properties: Document) -> None:
    del properties
    try:
        if deployments.get(physical_id)["deploymentStatus"] == deployments.ACTIVE:
            _on_main_loop(deployments.cancel(physical_id))
        deployments.delete(physical_id)
    except AwsError:
        return


def _create_role_alias(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    provisioners = importlib.import_module(ministack_patches.PROVISIONERS)
    name = properties.get("RoleAlias") or provisioners._physical_name(stack, logical_id)
    request = {
        "roleArn": properties.get("RoleArn"),
        "credentialDurationSeconds": properties.get("CredentialDurationSeconds"),
        "tags": properties.get("Tags"),
    }
    created = role_aliases.create(name, request)
    return name, {"RoleAliasArn": created["roleAliasArn"]}


def _update_role_alias(
    physical_id: str, old: Document, new: Document, stack: str
) -> tuple[str, Document]:
    del old, stack
    updated = role_aliases.update(
        physical_id,
        {
            "roleArn": new.get("RoleArn"),
            "credentialDurationSeconds": new.get("CredentialDurationSeconds"),
        },
    )
    tags.replace(updated["roleAliasArn"], new.get("Tags"))
    return physical_id, {"RoleAliasArn": updated["roleAliasArn"]}


def _delete_role_alias(physical_id: str, properties: Document) -> None:
    del properties
    try:
        role_aliases.delete(physical_id)
    except AwsError:
        return


def _also_on_a_thread(original: Callable[[str], bool]) -> Callable[[str], bool]:
    # Creating an IoT job publishes to devices, which needs the event loop free.
    return lambda resource_type: resource_type == DEPLOYMENT or original(resource_type)


def install() -> None:
    """Register the types with their create-only properties."""
    ministack_patches.add_resource_type(
        COMPONENT,
        create=failing_as_cloudformation(_create_component),
        update=failing_as_cloudformation(_update_component),
        delete=_delete_component,
        replaced_by=("InlineRecipe", "LambdaFunction"),
        tags="map",
    )
    ministack_patches.add_resource_type(
        DEPLOYMENT,
        create=failing_as_cloudformation(_create_deployment),
        update=failing_as_cloudformation(_update_deployment),
        delete=_delete_deployment,
        replaced_by=(
            "TargetArn",
            "ParentTargetArn",
            "DeploymentName",
            "Components",
            "IotJobConfiguration",
            "DeploymentPolicies",
        ),
        tags="map",
    )
    ministack_patches.add_resource_type(
        ROLE_ALIAS,
        create=failing_as_cloudformation(_create_role_alias),
        update=failing_as_cloudformation(_update_role_alias),
        delete=_delete_role_alias,
        replaced_by=("RoleAlias",),
        tags="list",
    )
    ministack_patches.wrap(STACKS, "_runs_on_worker_thread", _also_on_a_thread)
