# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-GG5: cameras can read components, and nothing else in S3."""

from collections.abc import Iterator

from infra.checks.policies import Statement, role_findings, unnamed
from infra.checks.rule import Finding, Rule
from infra.checks.template import Template

SERVICE = "credentials.iot.amazonaws.com"
COMPONENTS = "components/"
OWN_FOLDER = "${credentials-iot:ThingName}/"
_READS = {"s3:GetObject", "s3:GetObjectVersion"}
_WRITES = {"s3:PutObject", "s3:AbortMultipartUpload"}


def check(template: Template) -> Iterator[Finding]:
    """Permissions of a token exchange role beyond the component prefix."""
    yield from role_findings(
        template, SERVICE, managed="is wider than any camera needs", too_wide=_too_wide
    )


def _too_wide(statement: Statement) -> Iterator[str]:
    yield from unnamed(statement, "cameras")
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
    why="Every process on every camera can use this role's credentials. Anything else that the "
    "role can read (datasets, captures, other models) can be read from every camera in the city.",
    fix=f"Allow s3:GetObject on <bucket>/{COMPONENTS}* only; uploads go to a folder named "
    f"{OWN_FOLDER.rstrip('/')}.",
    check=check,
)
