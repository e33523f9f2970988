# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-LIM1: no policy is longer than AWS accepts."""

from collections.abc import Iterator

from infra.checks.longest import document_size
from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Resource, Template, listed
from infra.config.limits import (
    ATTACHED_POLICIES,
    INLINE_POLICIES,
    IOT_POLICY,
    MANAGED_POLICY,
    TRUST_POLICY,
    Limit,
)

_DOCUMENTS = {"AWS::IoT::Policy": IOT_POLICY, "AWS::IAM::ManagedPolicy": MANAGED_POLICY}


def check(template: Template) -> Iterator[Finding]:
    """Policies that their service would refuse at creation."""
    for policy in template.of_type(*_DOCUMENTS):
        size = document_size(template, policy.properties.get("PolicyDocument"))
        yield from _over(policy, "PolicyDocument", size, _DOCUMENTS[policy.type])
    for role in template.of_type("AWS::IAM::Role"):
        trust = document_size(template, role.properties.get("AssumeRolePolicyDocument"))
        yield from _over(role, "AssumeRolePolicyDocument", trust, TRUST_POLICY)
        inline = [one.get("PolicyDocument") for one in listed(role.properties.get("Policies"))]
        size = sum(document_size(template, one) for one in inline)
        yield from _over(role, "Policies", size, INLINE_POLICIES)
        attached = len(listed(role.properties.get("ManagedPolicyArns")))
        yield from _over(role, "ManagedPolicyArns", attached, ATTACHED_POLICIES)


def _over(resource: Resource, key: str, found: int, limit: Limit) -> Iterator[Finding]:
    if found > limit.most:
        yield at(resource, f"Properties.{key}", f"{found:,}: {limit}")


RULE = Rule(
    id="BINSIGHT-LIM1",
    title="No policy is longer than AWS accepts",
    why="The CloudFormation schemas do not contain these limits: the deployment fails at the "
    "resource and rolls back. References count with the longest name that they can have.",
    fix="Split the policy in two and attach both, or combine statements.",
    check=check,
)
