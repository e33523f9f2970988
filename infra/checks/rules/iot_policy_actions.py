# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-IOT1: an IoT policy names each action."""

from collections.abc import Iterator

from infra.checks.policies import statements
from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Actions with a wildcard, and statements with NotAction or NotResource."""
    for policy in template.of_type("AWS::IoT::Policy"):
        document = policy.properties.get("PolicyDocument")
        for statement in statements(policy, document, "Properties.PolicyDocument"):
            for action in statement.actions:
                if "*" in action:
                    detail = f"the IoT policy allows {action!r}, not single actions"
                    yield at(policy, f"{statement.path}.Action", detail)
            if statement.inverted:
                detail = "NotAction or NotResource allows whatever is not named"
                yield at(policy, statement.path, detail)


RULE = Rule(
    id="BINSIGHT-IOT1",
    title="An IoT policy names each action",
    why="A device's certificate can be copied from its disk. With iot:* the copy may also delete "
    "things, attach policies and publish as the whole fleet.",
    fix="List the actions the device uses: iot:Connect, iot:Publish, iot:Receive, iot:Subscribe.",
    check=check,
)
