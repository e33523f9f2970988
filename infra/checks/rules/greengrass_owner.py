# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-GG4: a thing group has one owner of its deployment."""

import json
import re
from collections.abc import Iterator
from typing import Any

from infra.checks.policies import permissions_of
from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Resource, Template, text

_DEPLOYS = {"greengrass:CreateDeployment", "greengrass:*", "*"}
_STATE_MACHINE_CALL = re.compile(r"greengrassv2:createDeployment", re.IGNORECASE)


def check(template: Template) -> Iterator[Finding]:
    """Every owner of a group after the first one, over all templates of the app."""
    first: dict[str, str] = {}
    for other in template.assembly:
        for resource, path, group in _owners(other):
            name = f"{other.name}/{resource.logical_id}"
            owner = first.setdefault(group, name)
            if owner != name and other.name == template.name:
                yield at(resource, path, f"{group} already gets its deployments from {owner}")


def _owners(template: Template) -> Iterator[tuple[Resource, str, str]]:
    """Yield owners and their groups: deployments, and programs that may create them."""
    for deployment in template.of_type("AWS::GreengrassV2::Deployment"):
        target = deployment.properties.get("TargetArn")
        yield deployment, "Properties.TargetArn", _group(template, target) or text(target)
    for function in template.of_type("AWS::Lambda::Function"):
        if _may_deploy(template, function):
            variables = (function.properties.get("Environment") or {}).get("Variables") or {}
            for name, value in variables.items():
                if group := _group(template, value):
                    yield function, f"Properties.Environment.Variables.{name}", group
    for machine in template.of_type("AWS::StepFunctions::StateMachine"):
        definition = machine.properties.get("DefinitionString") or machine.properties.get(
            "Definition"
        )
        if _STATE_MACHINE_CALL.search(json.dumps(definition)):
            for group in sorted(_groups_in(template, definition)):
                yield machine, "Properties.DefinitionString", group


def _may_deploy(template: Template, function: Resource) -> bool:
    role = template.referred(function.properties.get("Role"), "AWS::IAM::Role")
    return role is not None and any(
        action in _DEPLOYS
        for statement in permissions_of(template, role)
        for action in statement.actions
    )


def _group(template: Template, value: Any) -> str | None:
    """The thing group's name, whether it is referred to or written out as an ARN."""
    if group := template.referred(value, "AWS::IoT::ThingGroup"):
        return text(group.properties.get("ThingGroupName") or f"<{group.logical_id}>")
    found = re.search(r":thinggroup/(.+)$", text(value))
    return found[1] if found else None


def _groups_in(template: Template, value: Any) -> set[str]:
    if group := _group(template, value):
        return {group}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {group for part in parts for group in _groups_in(template, part)}


RULE = Rule(
    id="BINSIGHT-GG4",
    title="A thing group has one owner of its deployments",
    why="A thing group has one live deployment: the second one silently replaces the components "
    "of the first, so two owners undo each other's work at every change.",
    fix="Let one deployment, or one program, own the group; give the other a group of its own "
    "(docs/adr: who owns which deployment).",
    check=check,
)
