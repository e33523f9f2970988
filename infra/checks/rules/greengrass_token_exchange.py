# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-GG5: cameras get at components, and at nothing else in S3."""

from collections.abc import Iterator

from infra.checks.policies import Statement, aws_policies_of, permissions_of, roles_of
from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template

SERVICE = "credentials.iot.amazonaws.com"
COMPONENTS = "components/"
OWN_FOLDER = "${credentials-iot:ThingName}/"
_READS = {"s3:GetObject", "s3:GetObjectVersion"}
_WRITES = {"s3:PutObject", "s3:AbortMultipartUpload"}


def check(template: Template) -> Iterator[Finding]:
    """What a token exchange role may do beyond the component prefix."""
    for role in roles_of(template, SERVICE):
        for arn in aws_policies_of(role):
            yield at(role, "Properties.ManagedPolicyArns", f"{arn} is wider than any camera needs")
        for statement in permissions_of(template, role):
            for detail in _too_wide(statement):
                yield at(statement.resource, statement.path, detail)


def _too_wide(statement: Statement) -> Iterator[str]:
    for action in statement.actions:
        if "*" in action:
            yield f"cameras may {action!r}, not single actions"
    if statement.inverted:
        yield "NotAction or NotResource allows whatever is not named"
    for resource in statement.on:
        if resource == "*":
            yield f"cameras may {', '.join(statement.actions)} on everything"
    for action in statement.actions:
        if action.startswith("s3:") and "*" not in action:
            yield from _s3(action, statement)


def _s3(action: str, statement: Statement) -> Iterator[str]:
    for resource in statement.on:
        key = resource.partition("/")[2]
        if action in _READS:
            if not key.startswith(COMPONENTS):
                yield f"cameras may {action} on {resource}, outside {COMPONENTS}"
        elif action in _WRITES:
            if OWN_FOLDER not in f"{key}/":
                yield f"cameras may {action} on {resource}, not only below their own name"
        elif action != "s3:GetBucketLocation":
            yield f"cameras may {action}, which installing a component does not need"


RULE = Rule(
    id="BINSIGHT-GG5",
    title="The token exchange role reads the component prefix only",
    why="Every process on every camera can take this role's credentials. Whatever it may read "
    "beyond components (datasets, captures, other models) is on every roof of the city.",
    fix=f"Allow s3:GetObject on <bucket>/{COMPONENTS}* only; uploads go to a folder named "
    f"{OWN_FOLDER.rstrip('/')}.",
    check=check,
)
