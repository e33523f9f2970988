# SPDX-License-Identifier: Apache-2.0
"""Roles with exactly the permissions that are listed for them."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.common.compliance import acknowledge


def trust_of_account(account: str, *, certain: bool = True) -> dict[str, dict[str, str]]:
    """A service assumes the role only for this account's resources (no confused deputy).

    ``certain``: the service is documented to send the source account. For other services a strict
    condition could lock the service out, so the condition also holds if the value is missing; then
    only principals of this account that may pass the role can use it.
    """
    if certain:
        return {"StringEquals": {"aws:SourceAccount": account}}
    return {"StringEqualsIfExists": {"aws:SourceAccount": account, "sts:ExternalId": account}}


class Allow(iam.PolicyStatement):
    """A statement that allows single actions, with the reason for each wildcard in a resource.

    ``why`` is required if a resource has a wildcard: reviewers read it beside the finding, in the
    template and in the code. ValueError for an action with a wildcard.
    """

    def __init__(
        self,
        *,
        actions: Sequence[str],
        resources: Sequence[str],
        conditions: Mapping[str, Mapping[str, Any]] | None = None,
        why: str = "",
    ) -> None:
        if not actions or any("*" in action for action in actions):
            raise ValueError(f"actions {list(actions)}: name each action, without wildcards")
        super().__init__(
            actions=sorted(actions),
            resources=list(resources),
            conditions=dict(conditions) if conditions else None,
        )
        self.why = why
        self.allowed_on = tuple(resources)


class ServiceRole(Construct):
    """A role that one AWS service may assume, with one customer managed policy.

    Its permissions are ``allow`` and the grants to ``policy`` with
    ``<resource>.grants.actions(role.policy, "service:Action")``: single actions, never a preset. L2
    constructs get ``fixed``, the same role imported as immutable, so that they add no permissions.
    ``allow`` is None for a role that never does anything: it has no policy.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        description: str,
        allow: Sequence[Allow] | None = (),
        trust_when: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        trust = trust_when or trust_of_account(stack.account)
        if allow is not None:
            self.policy = iam.ManagedPolicy(
                self, "Policy", description=description, statements=list(allow)
            )
            acknowledge_wildcards(self.policy, allow)
        self.role = iam.Role(
            self,
            "Role",
            description=description,
            assumed_by=iam.ServicePrincipal(service, conditions=dict(trust)),
            managed_policies=None if allow is None else [self.policy],
        )
        # As role.without_policy_updates(), but without the DependsOn that the CDK would write
        # beside each reference to the role, which cfn-lint reports as redundant (W3005).
        self.fixed = iam.Role.from_role_arn(self, "Fixed", self.role.role_arn, mutable=False)

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return self.role.role_arn


def acknowledge_wildcards(policy: iam.ManagedPolicy, allow: Sequence[Allow]) -> None:
    """Accept the findings about wildcards in a policy of these statements, for their reasons."""
    acknowledge(policy, _wildcard_findings(cdk.Stack.of(policy), allow))


def _wildcard_findings(stack: cdk.Stack, allow: Sequence[Allow]) -> dict[str, str]:
    """The ids under which the rule pack reports each wildcard, with the reason given for it."""
    found: dict[str, list[str]] = {}
    for permission in allow:
        for resource in permission.allowed_on:
            text = _flat(stack.resolve(resource))
            if "*" in text:
                if not permission.why:
                    raise ValueError(f"{text}: a wildcard needs a reason (why=...)")
                reasons = found.setdefault(f"AwsSolutions-IAM5[Resource::{text}]", [])
                if permission.why not in reasons:
                    reasons.append(permission.why)
    return {finding: " ".join(reasons) for finding, reasons in found.items()}


def _flat(value: Any) -> str:
    """A resource as the rule pack writes it into a finding's id."""
    if isinstance(value, str):
        return value.replace("${", "<").replace("}", ">")
    [(function, argument)] = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(_flat(part) for part in argument[1])
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    if function == "Ref":
        return f"<{argument}>"
    if function == "Fn::ImportValue":
        return _flat(argument)
    raise ValueError(f"cannot name a resource built with {function}")
