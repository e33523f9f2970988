# SPDX-License-Identifier: Apache-2.0
"""Roles with exactly the permissions that are written beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.common.compliance import acknowledge


def trust_of_account(account: str, *, certain: bool = True) -> dict[str, dict[str, str]]:
    """A service takes the role for this account's resources only (no confused deputy).

    ``certain`` where the service is documented to say whose resource it acts for. Elsewhere a
    condition that asks for it could lock the service out, so what it says must be right, and it
    may say nothing: then only those who may pass the role, which are of this account, are left.
    """
    if certain:
        return {"StringEquals": {"aws:SourceAccount": account}}
    return {"StringEqualsIfExists": {"aws:SourceAccount": account, "sts:ExternalId": account}}


@dataclass(frozen=True, kw_only=True)
class Allow:
    """One statement: who holds the role may do ``actions`` on ``on``, ``when`` that holds.

    ``why`` is asked for where a resource has a wildcard: it is what a reviewer reads beside the
    finding, in the template and in the code.
    """

    actions: Sequence[str]
    on: Sequence[str]
    when: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    why: str = ""

    def statement(self) -> dict[str, Any]:
        """The statement as IAM reads it."""
        if not self.actions or any("*" in action for action in self.actions):
            raise ValueError(f"actions {list(self.actions)}: name each action, without wildcards")
        document: dict[str, Any] = {
            "Effect": "Allow",
            "Action": sorted(self.actions),
            "Resource": list(self.on),
        }
        if self.when:
            document["Condition"] = dict(self.when)
        return document


class ServiceRole(Construct):
    """A role that one AWS service may assume, with one customer managed policy.

    Nothing is added to it later from somewhere else, and no AWS managed policy is attached: what
    the role may do is the list at its construction, whole.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        description: str,
        allow: Sequence[Allow],
        trust_when: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        policy = iam.CfnManagedPolicy(
            self,
            "Policy",
            description=description,
            policy_document={
                "Version": "2012-10-17",
                "Statement": [permission.statement() for permission in allow],
            },
        )
        trust = trust_when or trust_of_account(stack.account)
        self.role = iam.CfnRole(
            self,
            "Role",
            description=description,
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": service},
                        "Action": "sts:AssumeRole",
                        "Condition": dict(trust),
                    }
                ],
            },
            managed_policy_arns=[policy.ref],
        )
        acknowledge(policy, _wildcard_findings(stack, allow))

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return self.role.attr_arn


def _wildcard_findings(stack: cdk.Stack, allow: Sequence[Allow]) -> dict[str, str]:
    """The ids under which the rule pack reports each wildcard, with the reason given for it."""
    found: dict[str, list[str]] = {}
    for permission in allow:
        for resource in permission.on:
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
