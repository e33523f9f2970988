# SPDX-License-Identifier: Apache-2.0
"""AWS IoT rules over Binsight's messages, each with its own role and an error action."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_iot as iot
from aws_cdk import aws_logs as logs
from constructs import Construct

from contracts.messages import SCHEMA
from contracts.topics import ANY_THING, Topics
from infra.common.permissions import write_logs
from infra.common.role import Allow, ServiceRole


def trusted(topics: Topics) -> str:
    """Condition for messages that can be used: of a schema that is known, and from the camera that
    they say they are from (a camera's policy lets it publish below its own name only)."""
    return f"schema = {SCHEMA} AND thing = topic({topics.thing_segment})"


def detections_sql(topics: Topics, *, select: str = "*") -> str:
    """Selects every detection."""
    topic = topics.detections(ANY_THING)
    return f"SELECT {select} FROM '{topic}' WHERE {trusted(topics)}"  # noqa: S608 - IoT SQL


def telemetry_sql(topics: Topics, *, select: str = "*", only: str = "") -> str:
    """Selects telemetry, ``only`` where one more condition holds."""
    condition = trusted(topics) + (f" AND {only}" if only else "")
    topic = topics.telemetry(ANY_THING)
    return f"SELECT {select} FROM '{topic}' WHERE {condition}"  # noqa: S608 - IoT SQL


class MessageRule(Construct):
    """One rule: what ``sql`` selects goes to ``actions``; what fails goes to the error log.

    ``actions`` are those of AWS::IoT::TopicRule, without their ``roleArn``: the rule has one role,
    which may do what ``allow`` says and write to the error log.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        sql: str,
        actions: Sequence[Mapping[str, Mapping[str, Any]]],
        allow: Sequence[Allow],
        errors: logs.CfnLogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        role = ServiceRole(
            self,
            "Role",
            service="iot.amazonaws.com",
            description=description,
            allow=[*allow, write_logs(errors.attr_arn, describe=True)],
        )
        self.rule = iot.CfnTopicRule(
            self,
            "Rule",
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                description=description,
                aws_iot_sql_version="2016-03-23",
                sql=sql,
                rule_disabled=False,
                actions=[
                    {kind: {**settings, "roleArn": role.arn}}
                    for action in actions
                    for kind, settings in action.items()
                ],
                error_action=iot.CfnTopicRule.ActionProperty(
                    cloudwatch_logs=iot.CfnTopicRule.CloudwatchLogsActionProperty(
                        log_group_name=errors.ref, role_arn=role.arn
                    )
                ),
            ),
        )
