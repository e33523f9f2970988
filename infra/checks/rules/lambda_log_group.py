# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-LOG1: a Lambda function writes to a declared log group."""

from collections.abc import Iterator

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Resource, Template


def check(template: Template) -> Iterator[Finding]:
    """Functions whose log group the Lambda service would create by itself."""
    for function in template.of_type("AWS::Lambda::Function"):
        configured = (function.properties.get("LoggingConfig") or {}).get("LogGroup")
        if template.referred(configured, "AWS::Logs::LogGroup") is None and not _named(
            template, function
        ):
            yield at(
                function,
                "Properties.LoggingConfig.LogGroup",
                "the function's log group is not declared in this template",
            )


def _named(template: Template, function: Resource) -> bool:
    """Whether a group is declared under the Lambda service's default name."""
    for group in template.of_type("AWS::Logs::LogGroup"):
        name = group.properties.get("LogGroupName")
        fixed = function.properties.get("FunctionName")
        if isinstance(fixed, str) and name == f"/aws/lambda/{fixed}":
            return True
        if name == {"Fn::Join": ["", ["/aws/lambda/", {"Ref": function.logical_id}]]}:
            return True
        if name == {"Fn::Sub": f"/aws/lambda/${{{function.logical_id}}}"}:
            return True
    return False


RULE = Rule(
    id="BINSIGHT-LOG1",
    title="A Lambda function's log group is declared",
    why="A group that Lambda creates itself never expires, is not encrypted with the "
    "environment's key, and stays behind when the stack is destroyed.",
    fix="Declare an AWS::Logs::LogGroup and name it in the function's LoggingConfig.",
    check=check,
)
