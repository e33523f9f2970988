# SPDX-License-Identifier: Apache-2.0
"""The rule packs that every synth must pass, and how a finding is acknowledged."""

from collections.abc import Mapping

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks
from constructs import IConstruct

from infra.checks.pack import BinsightChecks

MINIMUM_REASON = 20
"""A shorter reason is useless to a reviewer."""


def attach_rule_packs(app: cdk.App, *, prefix: str) -> None:
    """Check every resource at synth; an open finding fails it.

    Besides the general packs there is Binsight's own, for IoT, Greengrass and other rules that they
    lack (docs/rules.md). Physical names must begin with ``prefix``. Reasons are written into the
    templates, where reviewers can read them.
    """
    cdk.Validations.of(app).add_plugins(
        AwsSolutionsChecks(app, write_suppressions_to_cloud_formation=True),
        NIST80053R5Checks(app, write_suppressions_to_cloud_formation=True),
        BinsightChecks(prefix=prefix),
    )


def acknowledge(construct: IConstruct, findings: Mapping[str, str]) -> None:
    """Accept findings on this construct. Keys are exact finding ids, values say why.

    Pass the smallest construct that has the finding: an acknowledgement covers all its children.
    """
    if not findings:
        return
    for finding, reason in findings.items():
        if len(reason) < MINIMUM_REASON:
            raise ValueError(f"{construct.node.path}: {finding}: say why, not {reason!r}")
    record(construct, findings)


def record(construct: IConstruct, findings: Mapping[str, str]) -> None:
    """Write acknowledgements where the packs find them. Tests replace this to see all findings."""
    cdk.Validations.of(construct).acknowledge(
        *(cdk.Acknowledgment(id=finding, reason=reason) for finding, reason in findings.items())
    )
