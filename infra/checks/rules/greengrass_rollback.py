# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-GG2: a failed deployment rolls back."""

from collections.abc import Iterator

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Deployments whose failure handling is not ROLLBACK, or is left to the default."""
    for deployment in template.of_type("AWS::GreengrassV2::Deployment"):
        policies = deployment.properties.get("DeploymentPolicies") or {}
        policy = policies.get("FailureHandlingPolicy")
        if policy != "ROLLBACK":
            path = "Properties.DeploymentPolicies.FailureHandlingPolicy"
            yield at(deployment, path, f"FailureHandlingPolicy is {policy or 'not set'}")


RULE = Rule(
    id="BINSIGHT-GG2",
    title="A deployment states that a failure rolls back",
    why="With DO_NOTHING a camera stays on the half-installed version; with no policy in the "
    "template, a reviewer cannot tell what was intended.",
    fix="Set DeploymentPolicies.FailureHandlingPolicy to ROLLBACK.",
    check=check,
)
