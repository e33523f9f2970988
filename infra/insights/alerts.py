# SPDX-License-Identifier: Apache-2.0
"""Where people are told: an encrypted topic, and alarms that use it."""

from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config.settings import Settings


class Alerts(Construct):
    """The topic for everything that a person should look at."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, key_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.CfnTopic(
            self, "Topic", display_name=f"Binsight {settings.prefix}", kms_master_key_id=key_arn
        )
        sns.CfnTopicPolicy(
            self,
            "Policy",
            topics=[self.topic.ref],
            policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "TlsOnly",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sns:Publish",
                        "Resource": self.topic.ref,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                    {
                        "Sid": "Alarms",
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudwatch.amazonaws.com"},
                        "Action": "sns:Publish",
                        "Resource": self.topic.ref,
                        "Condition": {"StringEquals": {"aws:SourceAccount": settings.account}},
                    },
                ],
            },
        )
        if settings.insights.alert_email:
            sns.CfnSubscription(
                self,
                "Email",
                topic_arn=self.topic.ref,
                protocol="email",
                endpoint=settings.insights.alert_email,
            )

    def alarm(
        self,
        construct_id: str,
        *,
        description: str,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, str],
        statistic: str,
        at_least: float,
        period_seconds: int = 300,
        can_be_over: bool = True,
    ) -> cloudwatch.CfnAlarm:
        """Tell people when the metric reaches ``at_least`` within a period, and when it is over.

        No data means that nothing happened, which is well. What has failed once is not well again
        because it did not fail in the next period: that ``can_be_over`` denies.
        """
        return cloudwatch.CfnAlarm(
            self,
            construct_id,
            alarm_description=description,
            namespace=namespace,
            metric_name=metric,
            dimensions=[{"name": key, "value": value} for key, value in dimensions.items()],
            statistic=statistic,
            period=period_seconds,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=at_least,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            treat_missing_data="notBreaching",
            alarm_actions=[self.topic.ref],
            ok_actions=[self.topic.ref] if can_be_over else None,
        )
