# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-CFN1: every resource has an explicit deletion policy."""

from collections.abc import Iterator

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template

KEYS = ("DeletionPolicy", "UpdateReplacePolicy")


def check(template: Template) -> Iterator[Finding]:
    """Resources whose deletion is left to CloudFormation's default."""
    for resource in template.resources.values():
        missing = [key for key in KEYS if key not in resource.document]
        if missing and resource.type != "AWS::CDK::Metadata":
            yield at(resource, missing[0], f"{resource.type} has no {' and no '.join(missing)}")


RULE = Rule(
    id="BINSIGHT-CFN1",
    title="Every resource states its deletion policy",
    why="CloudFormation's implicit default differs by resource type and by the kind of deletion. "
    "A policy that is not in the template cannot be reviewed.",
    fix="Give DeletionPolicy and UpdateReplacePolicy (EnvironmentStack.state_deletion_policies "
    "does it for what holds no data).",
    check=check,
)
