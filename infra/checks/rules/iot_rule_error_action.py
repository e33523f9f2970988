# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-IOT3: an IoT rule has an error action."""

from collections.abc import Iterator

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Topic rules without an error action."""
    for rule in template.of_type("AWS::IoT::TopicRule"):
        if not (rule.properties.get("TopicRulePayload") or {}).get("ErrorAction"):
            path = "Properties.TopicRulePayload.ErrorAction"
            yield at(rule, path, "the rule has no error action: failed messages are lost silently")


RULE = Rule(
    id="BINSIGHT-IOT3",
    title="An IoT rule has an error action",
    why="When an action fails (a throttled stream, a missing permission), AWS IoT drops the "
    "message after its retries. Without an error action the loss is not noticed.",
    fix="Set TopicRulePayload.ErrorAction to a destination that is monitored.",
    check=check,
)
