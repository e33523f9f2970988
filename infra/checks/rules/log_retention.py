# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-LOG2: a log group has a retention."""

from collections.abc import Iterator

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Log groups that never expire their events."""
    for group in template.of_type("AWS::Logs::LogGroup"):
        if not group.properties.get("RetentionInDays"):
            yield at(group, "Properties.RetentionInDays", "the log group has no retention")


RULE = Rule(
    id="BINSIGHT-LOG2",
    title="A log group has a retention",
    why="Without one, logs never expire: they cost money and may hold data that must be deleted.",
    fix="Set RetentionInDays from data.log_days of the environment.",
    check=check,
)
