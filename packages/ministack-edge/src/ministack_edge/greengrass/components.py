# SPDX-License-Identifier: Apache-2.0
"""Greengrass V2 components: immutable versions, from a recipe or a Lambda function's version."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Any

from ministack_edge import tags
from ministack_edge.greengrass import lambda_component
from ministack_edge.greengrass.version_range import numbers
from ministack_edge.protocol import (
    AwsError,
    Document,
    arn,
    not_found,
    now,
    page,
    require,
    store,
    with_token,
    without_none,
)
from ministack_edge.storage import objects

_SEMVER = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_NAME = re.compile(r"[a-zA-Z0-9-_.]{1,128}")

_components: Any = store()
_lambda_code: Any = store()


def component_arn(name: str, version: str | None = None) -> str:
    """The ARN of a component, or of one of its versions."""
    resource = f"components:{name}" + (f":versions:{version}" if version else "")
    return arn("greengrass", resource)


def create(request: Document) -> Document:
    """CreateComponentVersion: a version exists once and never changes."""
    recipe, code = (
        lambda_component.recipe_and_code(request["lambdaFunction"])
        if request.get("lambdaFunction")
        else (
            _inline_recipe(request),
            None,
        )
    )
    require(recipe, "ComponentName", "ComponentVersion", "RecipeFormatVersion")
    name, version = recipe["ComponentName"], recipe["ComponentVersion"]
    if not _NAME.fullmatch(name) or not _SEMVER.fullmatch(version):
        raise AwsError(
            "ValidationException", f"The component {name} {version} is not named correctly"
        )
    key = component_arn(name, version)
    if key in _components:
        raise AwsError(
            "ConflictException",
            f"Component [{name} : {version}] for account already exists with state: [DEPLOYABLE]",
            status=409,
        )
    _components[key] = {
        "arn": key,
        "componentName": name,
        "componentVersion": version,
        "creationTimestamp": now(),
        "publisher": recipe.get("ComponentPublisher"),
        "description": recipe.get("ComponentDescription"),
        "platforms": _platforms(recipe),
        "_recipe": recipe if code is not None else _with_digests(recipe),
    }
    if code is not None:
        _lambda_code[key] = code
    tags.put(key, request.get("tags"))
    return {
        "arn": key,
        "componentName": name,
        "componentVersion": version,
        "creationTimestamp": _components[key]["creationTimestamp"],
        "status": {"componentState": "REQUESTED", "message": "NONE", "errors": {}},
    }


def _inline_recipe(request: Document) -> Document:
    try:
        raw = base64.b64decode(request["inlineRecipe"], validate=True)
        recipe = json.loads(raw)
    except KeyError as error:
        raise AwsError(
            "ValidationException", "inlineRecipe or lambdaFunction is required"
        ) from error
    except (binascii.Error, ValueError) as error:
        # The service also takes YAML; JSON alone is taken here: it keeps the types of values.
        raise AwsError("ValidationException", f"The recipe is not JSON: {error}") from error
    if not isinstance(recipe, dict) or not recipe.get("Manifests"):
        raise AwsError("ValidationException", "The recipe must be an object with Manifests")
    return recipe


def _with_digests(recipe: Document) -> Document:
    """The recipe as the service keeps it: every S3 artifact with its digest of this moment."""
    copy: Document = json.loads(json.dumps(recipe))
    for manifest in copy["Manifests"]:
        for artifact in manifest.get("Artifacts") or []:
            uri = str(artifact.get("Uri", ""))
            if not uri.lower().startswith("s3://"):
                raise AwsError("ValidationException", f"Artifact Uri {uri!r} is not an s3:// URI")
            try:
                body = objects.read(*objects.parse(uri))
            except AwsError as error:
                raise AwsError(
                    "ValidationException",
                    f"The artifact {uri} cannot be read: {error.message}",
                ) from error
            artifact["Digest"] = base64.b64encode(hashlib.sha256(body).digest()).decode()
            artifact["Algorithm"] = "SHA-256"
    return copy


def _platforms(recipe: Document) -> list[Document]:
    return [
        {"name": str(item.get("Name", "")), "attributes": {k: str(v) for k, v in platform.items()}}
        for item in recipe.get("Manifests") or []
        if (platform := item.get("Platform"))
    ]


def find(component: str) -> Document:
    """One component version by ARN."""
    found: Document | None = _components.get(component)
    if found is None:
        raise not_found(f"The requested component {component} does not exist")
    return found


def exists(name: str, version: str) -> bool:
    """Whether the account has this component version."""
    return component_arn(name, version) in _components


def versions_of(name: str) -> list[str]:
    """All versions of a component in this account."""
    return [
        item["componentVersion"] for item in _components.values() if item["componentName"] == name
    ]


def describe(component: str) -> Document:
    """DescribeComponent."""
    found = find(component)
    public = {key: value for key, value in found.items() if not key.startswith("_")}
    status = {"componentState": "DEPLOYABLE", "message": "NONE", "errors": {}}
    return without_none({**public, "status": status, "tags": tags.of(component)})


def recipe_of(component: str) -> Document:
    """GetComponent: the recipe with the digests of its artifacts."""
    recipe = json.dumps(find(component)["_recipe"]).encode()
    return {
        "recipeOutputFormat": "JSON",
        "recipe": base64.b64encode(recipe).decode(),
        "tags": tags.of(component),
    }


def lambda_artifact(component: str, name: str) -> bytes:
    """The code that a Lambda component froze when it was created."""
    find(component)
    code: bytes | None = _lambda_code.get(component)
    if code is None or name.rpartition(":")[2] != lambda_component.ARTIFACT:
        raise not_found(f"The component {component} has no artifact {name}")
    return code


def delete(component: str) -> None:
    """DeleteComponent; deployments that name it stay, and fail on devices that lack it."""
    find(component)
    _components.pop(component)
    _lambda_code.pop(component, None)
    tags.forget(component)


def list_components(query: Document) -> Document:
    """ListComponents of this account, each with its latest version."""
    latest: dict[str, Document] = {}
    for component in _components.values():
        name = component["componentName"]
        if name not in latest or numbers(latest[name]["componentVersion"]) < numbers(
            component["componentVersion"]
        ):
            latest[name] = component
    keys = ("arn", "componentVersion", "creationTimestamp", "description", "publisher", "platforms")
    found = [
        {
            "arn": component_arn(name),
            "componentName": name,
            "latestVersion": without_none({key: component[key] for key in keys}),
        }
        for name, component in sorted(latest.items())
        if query.get("scope", "PRIVATE") == "PRIVATE"
    ]
    items, token = page(found, size=query.get("maxResults"), token=query.get("nextToken"))
    return with_token({"components": items}, "nextToken", token)


def list_versions(component: str, query: Document) -> Document:
    """ListComponentVersions, newest first."""
    name = component.rpartition(":components:")[2].partition(":")[0]
    found = [
        {key: item[key] for key in ("componentName", "componentVersion", "arn")}
        for item in _components.values()
        if item["componentName"] == name
    ]
    found.sort(key=lambda item: numbers(item["componentVersion"]), reverse=True)
    items, token = page(found, size=query.get("maxResults"), token=query.get("nextToken"))
    return with_token({"componentVersions": items}, "nextToken", token)
