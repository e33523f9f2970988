# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-GG3: a deployment reaches cameras at a stated pace and stops by itself."""

from collections.abc import Iterator

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Deployments without a rollout rate or without abort criteria."""
    for deployment in template.of_type("AWS::GreengrassV2::Deployment"):
        job = deployment.properties.get("IotJobConfiguration") or {}
        path = "Properties.IotJobConfiguration"
        rate = job.get("JobExecutionsRolloutConfig") or {}
        if not (rate.get("MaximumPerMinute") or rate.get("ExponentialRate")):
            yield at(
                deployment, f"{path}.JobExecutionsRolloutConfig", "no rollout rate: all at once"
            )
        if not (job.get("AbortConfig") or {}).get("CriteriaList"):
            yield at(deployment, f"{path}.AbortConfig", "no abort criteria: it never stops itself")


RULE = Rule(
    id="BINSIGHT-GG3",
    title="A deployment states its rollout rate and when to abort",
    why="By default a deployment goes to the whole group at once and continues however many "
    "cameras fail: one bad component stops every camera of a city within a minute.",
    fix="Set IotJobConfiguration.JobExecutionsRolloutConfig and AbortConfig.CriteriaList.",
    check=check,
)
