# SPDX-License-Identifier: Apache-2.0
"""The alarms of an environment and its dashboard."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config.settings import Settings
from infra.insights.alerts import Alerts
from infra.insights.dashboard import alarms_widget, dashboard_body, errors_widget, metric_widget

PIPELINES = "AWS/Sagemaker/ModelBuildingPipeline"
PROBLEMS = "CameraProblems"
NOT_STARTED = {
    "NewManifest": "A dataset arrived, and its training did not start",
    "Schedule": "A scheduled training did not start",
    "Approved": "A model was approved, and its rollout did not start",
}
"""What it means that a rule could not start its target, by the rule."""


def camera_namespace(settings: Settings) -> str:
    """Namespace of the metrics that are counted from this environment's logs."""
    return f"Binsight/{settings.prefix}"


class Monitoring(Construct):
    """Watches cameras, messages, training and rollouts; tells people through ``alerts``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        alerts: Alerts,
        errors: logs.CfnLogGroup,
        problems: logs.CfnLogGroup,
        stream_name: str,
        rollout_arn: str,
        pipeline_name: str,
        start_rules: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._region = settings.region
        self._stream = {"DeliveryStreamName": stream_name}
        self._rollout = {"StateMachineArn": rollout_arn}
        self._pipeline = {"PipelineName": pipeline_name}
        self._start_rules = start_rules
        self._errors = errors
        self._namespace = camera_namespace(settings)
        self._problems = problems
        # Counted from the log: a rule that wrote the metric itself would need a permission that
        # has no resource level, and the log says what the problems were.
        logs.CfnMetricFilter(
            self,
            "Problems",
            log_group_name=problems.ref,
            filter_pattern="",
            metric_transformations=[
                logs.CfnMetricFilter.MetricTransformationProperty(
                    metric_namespace=self._namespace,
                    metric_name=PROBLEMS,
                    metric_value="1",
                    unit="Count",
                )
            ],
        )
        alarms = self._alarms(settings, alerts)
        overview = alarms_widget("Alarms", alarm_arns=[alarm.attr_arn for alarm in alarms])
        body = dashboard_body([overview, *self._graphs()])
        self.dashboard = cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            # Dashboards are shared by all regions of an account, so the region is in the name.
            dashboard_name=f"{settings.prefix}-{settings.region}",
            dashboard_body=cdk.Stack.of(self).to_json_string(body),
        )

    def _alarms(self, settings: Settings, alerts: Alerts) -> list[cloudwatch.CfnAlarm]:
        insights = settings.insights
        return [
            alerts.alarm(
                "CameraProblem",
                description="Cameras report a problem in their telemetry",
                namespace=self._namespace,
                metric=PROBLEMS,
                dimensions={},
                statistic="Sum",
                at_least=insights.problem_reports,
            ),
            alerts.alarm(
                "RuleErrors",
                description="An IoT rule could not deliver a message; its error log says why",
                namespace="AWS/Logs",
                metric="IncomingLogEvents",
                dimensions={"LogGroupName": self._errors.ref},
                statistic="Sum",
                at_least=1,
            ),
            alerts.alarm(
                "DeliveryLate",
                description="Detections wait too long to be written to the archive",
                namespace="AWS/Firehose",
                metric="DeliveryToS3.DataFreshness",
                dimensions=self._stream,
                statistic="Maximum",
                at_least=insights.delivery_late_minutes * 60,
            ),
            *(
                alerts.alarm(
                    f"Rollout{end}",
                    description=f"A model did not reach the cameras: its rollout {how}",
                    namespace="AWS/States",
                    metric=f"Executions{end}",
                    dimensions=self._rollout,
                    statistic="Sum",
                    at_least=1,
                    can_be_over=False,
                )
                for end, how in (("Failed", "failed"), ("TimedOut", "took too long"))
            ),
            alerts.alarm(
                "TrainingFailed",
                description="The training pipeline failed, or a model was too weak to register",
                namespace=PIPELINES,
                metric="ExecutionFailed",
                dimensions=self._pipeline,
                statistic="Sum",
                at_least=1,
                can_be_over=False,
            ),
            # After all retries. An alarm rather than a queue for what failed: uploading the
            # manifest or approving the model once more starts it, and a queue needs an alarm too.
            *(
                alerts.alarm(
                    f"{rule}NotStarted",
                    description=NOT_STARTED[rule],
                    namespace="AWS/Events",
                    metric="FailedInvocations",
                    dimensions={"RuleName": name},
                    statistic="Sum",
                    at_least=1,
                    can_be_over=False,
                )
                for rule, name in self._start_rules.items()
            ),
        ]

    def _graphs(self) -> list[dict[str, object]]:
        region = self._region
        return [
            metric_widget(
                "Detections archived",
                region=region,
                namespace="AWS/Firehose",
                metrics=["IncomingRecords", "DeliveryToS3.Records"],
                dimensions=self._stream,
            ),
            metric_widget(
                "Age of the oldest detection not yet archived (s)",
                region=region,
                namespace="AWS/Firehose",
                metrics=["DeliveryToS3.DataFreshness"],
                dimensions=self._stream,
                statistic="Maximum",
            ),
            metric_widget(
                "Camera problems",
                region=region,
                namespace=self._namespace,
                metrics=[PROBLEMS],
                dimensions={},
            ),
            metric_widget(
                "Model rollouts",
                region=region,
                namespace="AWS/States",
                metrics=["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed"],
                dimensions=self._rollout,
            ),
            metric_widget(
                "Training pipeline",
                region=region,
                namespace=PIPELINES,
                metrics=["ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed"],
                dimensions=self._pipeline,
            ),
            errors_widget("What cameras report", region=region, log_group=self._problems.ref),
            errors_widget("IoT rule errors", region=region, log_group=self._errors.ref),
        ]
