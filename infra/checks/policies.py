# SPDX-License-Identifier: Apache-2.0
"""Policy statements and roles, wherever a template writes them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.checks.rule import Finding, at
from infra.checks.template import Resource, Template, listed, text


@dataclass(frozen=True, kw_only=True)
class Statement:
    """An Allow statement: ``on`` holds its resources as text, ``path`` says where it is written."""

    resource: Resource
    path: str
    actions: tuple[str, ...]
    on: tuple[str, ...]
    conditions: Mapping[str, Any]
    inverted: bool
    """Written with NotAction or NotResource: allows everything that it does not name."""


def statements(resource: Resource, document: Any, path: str) -> Iterator[Statement]:
    """Yield the Allow statements of the policy document at ``path`` of ``resource``."""
    if not isinstance(document, Mapping):
        return
    for number, statement in enumerate(listed(document.get("Statement"))):
        if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
            continue
        yield Statement(
            resource=resource,
            path=f"{path}.Statement.{number}",
            actions=tuple(
                str(action)
                for key in ("Action", "NotAction")
                for action in listed(statement.get(key))
            ),
            on=tuple(
                text(target)
                for key in ("Resource", "NotResource")
                for target in listed(statement.get(key))
            ),
            conditions=statement.get("Condition") or {},
            inverted="NotAction" in statement or "NotResource" in statement,
        )


def roles_of(template: Template, service: str) -> Iterator[Resource]:
    """The roles that this service may assume."""
    for role in template.of_type("AWS::IAM::Role"):
        trust = role.properties.get("AssumeRolePolicyDocument") or {}
        for statement in listed(trust.get("Statement")):
            principal = statement.get("Principal")
            services = listed(principal.get("Service")) if isinstance(principal, Mapping) else []
            if any(text(name) == service for name in services):
                yield role
                break


def permissions_of(template: Template, role: Resource) -> Iterator[Statement]:
    """All permissions of the role: its own policies and the template's policies that name it."""
    for number, policy in enumerate(listed(role.properties.get("Policies"))):
        document = policy.get("PolicyDocument")
        yield from statements(role, document, f"Properties.Policies.{number}.PolicyDocument")
    attached = {
        found.logical_id
        for arn in listed(role.properties.get("ManagedPolicyArns"))
        if (found := template.referred(arn, "AWS::IAM::ManagedPolicy"))
    }
    for policy in template.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        holders = listed(policy.properties.get("Roles"))
        named = any(template.referred(holder, "AWS::IAM::Role") is role for holder in holders)
        if named or policy.logical_id in attached:
            document = policy.properties.get("PolicyDocument")
            yield from statements(policy, document, "Properties.PolicyDocument")


def aws_policies_of(role: Resource) -> list[str]:
    """The policies managed by AWS that are attached to the role."""
    arns = [text(arn) for arn in listed(role.properties.get("ManagedPolicyArns"))]
    return [arn for arn in arns if ":iam::aws:policy/" in arn]


def role_findings(
    template: Template,
    service: str,
    *,
    managed: str,
    too_wide: Callable[[Statement], Iterator[str]],
) -> Iterator[Finding]:
    """Findings about the permissions of a service's roles.

    ``managed`` returns what is wrong with a policy managed by AWS, ``too_wide`` with a statement.
    """
    for role in roles_of(template, service):
        for arn in aws_policies_of(role):
            yield at(role, "Properties.ManagedPolicyArns", f"{arn} {managed}")
        for statement in permissions_of(template, role):
            for detail in too_wide(statement):
                yield at(statement.resource, statement.path, detail)


def unnamed(statement: Statement, who: str) -> Iterator[str]:
    """Yield the wildcard actions, NotAction and NotResource of a statement."""
    for action in statement.actions:
        if "*" in action:
            yield f"{who} may {action!r}, not single actions"
    if statement.inverted:
        yield "NotAction or NotResource allows everything that is not named"
