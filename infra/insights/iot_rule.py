# SPDX-License-Identifier: Apache-2.0
"""AWS IoT rules over Binsight's messages, each with its own role and an error action."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from contracts.messages import SCHEMA
from contracts.topics import Topics
from infra.common.permissions import write_logs
from infra.common.role import Allow, ServiceRole
from infra.common.stack import environment_of


def trusted(topics: Topics) -> str:
    """Condition for usable messages: of a known schema, and from the camera that they name (a
    camera's policy lets it publish only below its own name)."""
    return f"schema = {SCHEMA} AND thing = topic({topics.thing_segment})"


@dataclass(frozen=True, kw_only=True)
class RuleAction:
    """An action of AWS::IoT::TopicRule without its ``roleArn``, and its permissions."""

    kind: str
    settings: Mapping[str, Any]
    allow: Sequence[Allow] = ()
    invokes: lambda_.IFunction | None = None

    def properties(self, role_arn: str) -> dict[str, Any]:
        """The action as CloudFormation reads it; a function is allowed by its own policy."""
        role = {} if self.invokes else {"roleArn": role_arn}
        return {self.kind: {**self.settings, **role}}


def to_stream(stream: firehose.DeliveryStream) -> RuleAction:
    """Send each message to a delivery stream, one line each."""
    return RuleAction(
        kind="firehose",
        settings={"deliveryStreamName": stream.delivery_stream_name, "separator": "\n"},
        # PutRecordBatch is only for batchMode, which is off.
        allow=[Allow(actions=["firehose:PutRecord"], resources=[stream.delivery_stream_arn])],
    )


def to_function(function: lambda_.IFunction) -> RuleAction:
    """Call a function with each message; AWS IoT does not wait for the answer."""
    return RuleAction(
        kind="lambda", settings={"functionArn": function.function_arn}, invokes=function
    )


class MessageRule(Construct):
    """One rule: messages that ``sql`` selects go to ``actions``, failures to the error log."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        sql: str,
        actions: Sequence[RuleAction],
        errors: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        role = ServiceRole(
            self,
            "Role",
            service="iot.amazonaws.com",
            description=description,
            allow=[
                *(allow for action in actions for allow in action.allow),
                write_logs(errors, describe=True),
            ],
        )
        self.rule = iot.CfnTopicRule(
            self,
            "Rule",
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                description=description,
                aws_iot_sql_version="2016-03-23",
                sql=sql,
                rule_disabled=False,
                actions=[action.properties(role.arn) for action in actions],
                error_action=iot.CfnTopicRule.ActionProperty(
                    cloudwatch_logs=iot.CfnTopicRule.CloudwatchLogsActionProperty(
                        log_group_name=errors.log_group_name, role_arn=role.arn
                    )
                ),
            ),
        )
        for action in actions:
            if action.invokes:
                action.invokes.add_permission(
                    f"{construct_id}Rule",
                    principal=iam.ServicePrincipal("iot.amazonaws.com"),
                    source_arn=self.rule.attr_arn,
                    source_account=environment_of(self).account,
                )
