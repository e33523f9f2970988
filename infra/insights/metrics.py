# SPDX-License-Identifier: Apache-2.0
"""The metrics that AWS services write about an environment."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

PIPELINES = "AWS/Sagemaker/ModelBuildingPipeline"
_MQTT = {"Protocol": "MQTT"}
_DENIED = ("Connect.AuthError", "PublishIn.AuthError", "Subscribe.AuthError")
_THROTTLED = ("Connect.Throttle", "PublishIn.Throttle", "Subscribe.Throttle")
_NOT_RUN = ("ParseError", "RuleMessageThrottled")


class Metrics:
    """Sums over five minutes unless stated otherwise. ``iot_rules`` are names of rules."""

    def __init__(self, iot_rules: Mapping[str, str]) -> None:
        self._iot_rules = iot_rules

    def denied(self) -> cloudwatch.IMetric:
        """Clients that AWS IoT refused, of all environments in the account and region."""
        return _sum("Denied", [_metric("AWS/IoT", name, _MQTT) for name in _DENIED])

    def throttled(self) -> cloudwatch.IMetric:
        """Clients that AWS IoT throttled, of all environments in the account and region."""
        return _sum("Throttled", [_metric("AWS/IoT", name, _MQTT) for name in _THROTTLED])

    def rules_not_run(self) -> cloudwatch.IMetric:
        """Messages for which a rule of this environment did not run."""
        parts = [
            _metric("AWS/IoT", name, {"RuleName": rule})
            for rule in self._iot_rules.values()
            for name in _NOT_RUN
        ]
        return _sum("Rules not run", parts)

    def log_events(self, group: logs.ILogGroup) -> cloudwatch.Metric:
        """Entries of a log group."""
        return _metric("AWS/Logs", "IncomingLogEvents", {"LogGroupName": group.log_group_name})

    def archived(self, stream: str, label: str | None = None) -> cloudwatch.Metric:
        """Records that a delivery stream wrote."""
        where = {"DeliveryStreamName": stream}
        return _metric("AWS/Firehose", "DeliveryToS3.Records", where).with_(label=label)

    def freshness(self, stream: str, label: str | None = None) -> cloudwatch.Metric:
        """Age in seconds of the oldest record that is not yet delivered."""
        metric = _metric(
            "AWS/Firehose", "DeliveryToS3.DataFreshness", {"DeliveryStreamName": stream}
        )
        return metric.with_(statistic="Maximum", label=label)

    def rollout(self, arn: str, name: str) -> cloudwatch.Metric:
        """Executions of the model rollout."""
        return _metric("AWS/States", name, {"StateMachineArn": arn})

    def training(self, pipeline: str, name: str) -> cloudwatch.Metric:
        """Executions of the training pipeline."""
        return _metric(PIPELINES, name, {"PipelineName": pipeline})

    def not_invoked(self, rule: str) -> cloudwatch.Metric:
        """Events for which an EventBridge rule could not call its target after all retries."""
        return _metric("AWS/Events", "FailedInvocations", {"RuleName": rule})

    def function_errors(self, name: str) -> cloudwatch.Metric:
        """Calls of a function that ended with an error, including retries."""
        return _metric("AWS/Lambda", "Errors", {"FunctionName": name})

    def kept(self, queues: Mapping[str, str]) -> cloudwatch.IMetric:
        """Messages that wait in dead-letter queues."""
        name = "ApproximateNumberOfMessagesVisible"
        waiting = [_metric("AWS/SQS", name, {"QueueName": queue}) for queue in queues.values()]
        return _sum("Kept", [one.with_(statistic="Maximum") for one in waiting])

    def dropped(self, function: lambda_.IFunction) -> cloudwatch.Metric:
        """Events that a function did not process after all retries."""
        return _metric("AWS/Lambda", "AsyncEventsDropped", {"FunctionName": function.function_name})


def _metric(namespace: str, name: str, dimensions: Mapping[str, str]) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic="Sum",
        period=cdk.Duration.minutes(5),
    )


def _sum(label: str, metrics: list[cloudwatch.Metric]) -> cloudwatch.IMetric:
    """One metric from several; CloudWatch allows ten in an alarm."""
    # Ids must be unique within a graph.
    begin = label.lower().replace(" ", "_")
    names = {f"{begin}_{number}": metric for number, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        expression=f"SUM([{', '.join(names)}])",
        using_metrics=dict(names),
        label=label,
        period=cdk.Duration.minutes(5),
    )
