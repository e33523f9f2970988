# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-SM2: SageMaker's roles are limited to what this environment owns."""

from collections.abc import Iterator

from infra.checks.policies import Statement, role_findings, unnamed
from infra.checks.rule import Finding, Rule
from infra.checks.template import Template

SERVICE = "sagemaker.amazonaws.com"
_NO_RESOURCE_LEVEL = {"ecr:GetAuthorizationToken"}
_WRITES = ("s3:Put", "s3:Delete", "s3:Abort")


def check(template: Template) -> Iterator[Finding]:
    """Permissions of SageMaker's roles that reach beyond named resources."""
    yield from role_findings(
        template, SERVICE, managed="reaches every bucket and job", too_wide=_unscoped
    )


def _unscoped(statement: Statement) -> Iterator[str]:
    yield from unnamed(statement, "training")
    if "iam:PassRole" in statement.actions and not any(
        "iam:PassedToService" in keys for keys in statement.conditions.values()
    ):
        yield "iam:PassRole without iam:PassedToService hands the role to any service"
    for resource in statement.on:
        if resource == "*":
            free = set(statement.actions) - _NO_RESOURCE_LEVEL
            if free and not statement.conditions:
                yield f"training may {', '.join(sorted(free))} on everything"
            continue
        bucket, _, key = resource.partition("/")
        writes = [action for action in statement.actions if action.startswith(_WRITES)]
        if bucket.startswith("arn:aws:s3:::") and "*" in bucket:
            yield f"training reaches every bucket that matches {bucket}"
        elif writes and key in ("", "*"):
            yield f"training may {', '.join(writes)} anywhere in {bucket}"


RULE = Rule(
    id="BINSIGHT-SM2",
    title="SageMaker's roles are scoped",
    why="Training runs third-party packages. Its role decides whether a malicious package can "
    "read one dataset or the whole account.",
    fix="Name buckets, prefixes and jobs; give iam:PassRole the condition iam:PassedToService; "
    "attach no policy managed by AWS.",
    check=check,
)
