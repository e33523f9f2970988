# SPDX-License-Identifier: Apache-2.0
"""The rules of an environment: archive, latest state, alerts."""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.common.permissions import use_key, write_logs
from infra.common.role import Allow
from infra.config.settings import Settings
from infra.insights.iot_rule import MessageRule, detections_sql, telemetry_sql


class MessageRules(Construct):
    """Carries what cameras publish to where it is kept and to whom it concerns."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key_arn: str,
        errors: logs.CfnLogGroup,
        problems: logs.CfnLogGroup,
        stream: firehose.CfnDeliveryStream,
        table: dynamodb.CfnTable,
        topic: sns.CfnTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        topics, region = settings.topics, settings.region
        MessageRule(
            self,
            "Archive",
            description="Keeps every detection",
            sql=detections_sql(topics),
            actions=[{"firehose": {"deliveryStreamName": stream.ref, "separator": "\n"}}],
            allow=[
                # PutRecordBatch would be for batchMode, which is off.
                Allow(actions=["firehose:PutRecord"], on=[stream.attr_arn])
            ],
            errors=errors,
        )
        write_row = [
            Allow(actions=["dynamodb:PutItem"], on=[table.attr_arn]),
            use_key(key_arn, region, ["dynamodb"]),
        ]
        put_row = [{"dynamoDBv2": {"putItem": {"tableName": table.ref}}}]
        MessageRule(
            self,
            "LatestDetection",
            description="Remembers the last detection of each camera",
            sql=detections_sql(topics, select="*, 'detection' AS kind"),
            actions=put_row,
            allow=write_row,
            errors=errors,
        )
        MessageRule(
            self,
            "LatestTelemetry",
            description="Remembers the last telemetry of each camera",
            sql=telemetry_sql(topics, select="*, 'telemetry' AS kind"),
            actions=put_row,
            allow=write_row,
            errors=errors,
        )
        MessageRule(
            self,
            "Problems",
            description="Tells people when a camera reports a problem",
            # Not `problem <> ''`: a camera without a problem leaves it out, and what is not there
            # is not ''. The function is undefined for it, and a rule does not match what is.
            sql=telemetry_sql(topics, only="regexp_matches(problem, '.+')"),
            actions=[
                {"sns": {"targetArn": topic.ref, "messageFormat": "RAW"}},
                {"cloudwatchLogs": {"logGroupName": problems.ref}},
            ],
            allow=[
                Allow(actions=["sns:Publish"], on=[topic.ref]),
                use_key(key_arn, region, ["sns"]),
                write_logs(problems.attr_arn, describe=True),
            ],
            errors=errors,
        )
