# SPDX-License-Identifier: Apache-2.0
"""The official CloudFormation resource schemas, as cfn-lint ships them."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from template_review.errors import ReviewError

_REGION = "us-east-1"
"""The region whose schemas are read: it has every type."""


@cache
def _folder() -> Path:
    # The data alone is read: importing cfn-lint takes longer than a whole comparison.
    found = find_spec("cfnlint")
    if found is None or not found.submodule_search_locations:
        raise ReviewError(
            "cfn-lint is missing, whose resource schemas are read: pip install cfn-lint"
        )
    return Path(found.submodule_search_locations[0]) / "data" / "schemas"


@cache
def _files() -> Mapping[str, str]:
    path = _folder() / "providers" / f"{_REGION}.json"
    names: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return names


@cache
def schema(resource_type: str) -> Mapping[str, Any]:
    """The schema of a resource type; empty for types that have none (custom resources)."""
    name = _files().get(resource_type)
    if name is None:
        return {}
    path = _folder() / "resources" / f"{name.removesuffix('.json')}.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def replacing_properties(
    resource_type: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """The create-only properties that differ: (those that replace, those that may)."""
    document = schema(resource_type)

    def differing(key: str) -> list[str]:
        paths = [path.removeprefix("/properties/") for path in document.get(key) or ()]
        return sorted(
            path.replace("/", ".") for path in paths if _at(before, path) != _at(after, path)
        )

    return differing("createOnlyProperties"), differing("conditionalCreateOnlyProperties")


def own_name(resource_type: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The identifier that the template itself sets: two resources cannot have it at once."""
    document = schema(resource_type)
    computed = set(document.get("readOnlyProperties") or ())
    identifier = list(document.get("primaryIdentifier") or ())
    if not identifier or any(path in computed for path in identifier):
        names = _NAMES.get(resource_type)
        identifier = [f"/properties/{names}"] if names else []
    found = {
        path.removeprefix("/properties/"): _at(properties, path.removeprefix("/properties/"))
        for path in identifier
    }
    return found if found and all(value is not None for value in found.values()) else {}


_NAMES = {
    # Their schemas identify them by ARN or by a generated id, yet the name is unique in an account.
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IoT::Policy": "PolicyName",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}


def _at(properties: Any, path: str) -> Any:
    for part in path.split("/"):
        if part == "*":
            return properties
        if not isinstance(properties, Mapping):
            return None
        properties = properties.get(part)
    return properties


def part_of(part: Mapping[str, Any], name: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a property, or with "*" of a list's members; empty where there is none."""
    found: Any = part.get("items") if name == "*" else (part.get("properties") or {}).get(name)
    for _ in range(8):
        reference = found.get("$ref") if isinstance(found, Mapping) else None
        if not isinstance(reference, str):
            break
        found = root
        for step in reference.removeprefix("#/").split("/"):
            found = found.get(step, {})
    return found if isinstance(found, Mapping) else {}
