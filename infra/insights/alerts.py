# SPDX-License-Identifier: Apache-2.0
"""The encrypted topic that people subscribe to, and alarms that publish to it."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.common.compliance import acknowledge
from infra.common.stack import environment_of

_COUNTED = {
    "NIST.800.53.R5-CloudWatchAlarmAction": "The watcher mails the cameras' names when a fault "
    "begins and ends, one mail for all cameras with the same fault; this alarm shows their number."
}


class Alerts(Construct):
    """The topic for everything that an operator should look at."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        self.topic = sns.Topic(
            self,
            "Topic",
            display_name=f"Binsight {environment.settings.prefix}",
            master_key=environment.key,
            enforce_ssl=True,
        )
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": environment.account}},
            )
        )
        if email := environment.settings.insights.alert_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))

    def state_alarm(
        self, construct_id: str, metric: cloudwatch.IMetric, *, at_least: float, description: str
    ) -> cloudwatch.Alarm:
        """Report when the metric reaches ``at_least`` within a period, and when that is over.

        No data means that nothing happened.
        """
        alarm = self._alarm(construct_id, metric, at_least, description)
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        return alarm

    def event_alarm(
        self, construct_id: str, metric: cloudwatch.IMetric, *, description: str
    ) -> cloudwatch.Alarm:
        """Report when the metric counts an event; each period with one is reported.

        The end is not reported: a period without a failure does not mean that it is resolved.
        """
        alarm = self._alarm(construct_id, metric, 1, description)
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        return alarm

    def silence_alarm(
        self, construct_id: str, metric: cloudwatch.IMetric, *, description: str
    ) -> cloudwatch.Alarm:
        """Report when there is no data of the metric for two periods, and when there is again."""
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=description,
            metric=metric,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold=0,
            evaluation_periods=2,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        return alarm

    def count_alarm(
        self, construct_id: str, metric: cloudwatch.IMetric, *, at_least: float, description: str
    ) -> cloudwatch.Alarm:
        """Show when this many cameras have a fault, or are not counted; no mail is sent."""
        missing = cloudwatch.TreatMissingData.BREACHING
        alarm = self._alarm(construct_id, metric, at_least, description, missing=missing)
        acknowledge(alarm, _COUNTED)
        return alarm

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        at_least: float,
        description: str,
        *,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=description,
            metric=metric,
            threshold=at_least,
            comparison_operator=(cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
            evaluation_periods=1,
            datapoints_to_alarm=1,
            treat_missing_data=missing,
        )
