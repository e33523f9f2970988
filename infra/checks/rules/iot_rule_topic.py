# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-IOT4: an IoT rule reads topics of its own environment only."""

import re
from collections.abc import Iterator

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template, text

_FROM = re.compile(r"\bfrom\s+'([^']*)'", re.IGNORECASE)


def check(template: Template) -> Iterator[Finding]:
    """Topic filters that begin with a wildcard."""
    for rule in template.of_type("AWS::IoT::TopicRule"):
        sql = text((rule.properties.get("TopicRulePayload") or {}).get("Sql", ""))
        for topic in _FROM.findall(sql):
            if topic.split("/")[0] in ("#", "+"):
                path = "Properties.TopicRulePayload.Sql"
                yield at(
                    rule, path, f"the rule reads {topic!r}, which matches every system's messages"
                )


RULE = Rule(
    id="BINSIGHT-IOT4",
    title="An IoT rule reads the topics of its own environment",
    why="A rule FROM '#' runs, at a cost, on each message in the account: those of other "
    "environments and products, and those that its own actions republish.",
    fix="Begin the topic filter with the environment's topic prefix: 'binsight-dev/+/detections'.",
    check=check,
)
