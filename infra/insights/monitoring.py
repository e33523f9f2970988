# SPDX-License-Identifier: Apache-2.0
"""The alarms of an environment and its dashboard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from contracts.enrolment_kits import EXPIRING_METRIC
from infra.common.stack import environment_of
from infra.insights.alerts import Alerts
from infra.insights.fleet_watch import FleetWatch, StateWriter
from infra.insights.metrics import Metrics

NOT_STARTED = {
    "NewManifest": "A dataset arrived, and its training did not start; make upload-dataset again",
    "Schedule": "A scheduled training did not start; make upload-dataset starts one at once",
    "Approved": "A model was approved, and its rollout did not start; reject it and approve it "
    "again",
    "Greengrass": "Events from Greengrass about deployments or components were not stored; make "
    "cameras queries Greengrass directly",
    "Clock": "The schedule did not start the watcher; it tries again every two minutes, and make "
    "fleet shows the cameras without it",
    "Kits": "The mail about expiring enrolment kits was not sent; make cameras lists the kits",
}
"""By rule: the description of the alarm that it could not start its target."""
_TRAINING_ENDED = {
    "Failed": "The training pipeline failed, or a model was too weak to register; its steps and "
    "the evaluation report say why",
    "Stopped": "The training pipeline was stopped before its end; make upload-dataset starts it "
    "again",
}
_PER_ROW = 3


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Resources that are watched besides the cameras.

    ``start_rules`` are names of EventBridge rules, ``failed_starts`` names of dead-letter queues.
    """

    streams: Mapping[str, str]
    iot_rules: Mapping[str, str]
    rollout_arn: str
    pipeline_name: str | None
    """None if nothing is trained."""
    promotion: str | None
    """The function that copies another environment's models; None if models are trained here."""
    start_rules: Mapping[str, str]
    failed_starts: Mapping[str, str]


class Monitoring(Construct):
    """Watches cameras, messages, training and rollouts; reports through ``alerts``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alerts: Alerts,
        fleet: FleetWatch,
        writer: StateWriter,
        errors: logs.ILogGroup,
        watched: Watched,
    ) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        self._alerts, self._fleet, self._writer = alerts, fleet, writer
        self._errors, self._watched = errors, watched
        self._metrics = Metrics(watched.iot_rules)
        alarms = [*self._camera_alarms(), *self._message_alarms(), *self._model_alarms()]
        widgets = [*self._camera_graphs(), *self._message_graphs(), *self._model_graphs()]
        rows = [widgets[start : start + _PER_ROW] for start in range(0, len(widgets), _PER_ROW)]
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            # Dashboards are shared by all regions of an account, so the region is in the name.
            dashboard_name=f"{environment.settings.prefix}-{environment.region}",
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=alarms, width=24, height=6)],
                *rows,
                [self._log("The watcher's metrics", fleet.function.log_group)],
                [self._log("IoT rule errors", errors)],
            ],
        )

    def _camera_alarms(self) -> list[cloudwatch.IAlarm]:
        alerts, metric = self._alerts, self._fleet.metric
        insights = environment_of(self).settings.insights
        return [
            alerts.silence_alarm(
                "WatcherSilent",
                metric("Cameras"),
                description="The cameras are not watched: the watcher fails or does not run; its "
                "log on the dashboard shows why, and make fleet shows the cameras without it",
            ),
            alerts.count_alarm(
                "SilentCameras",
                metric("SilentCameras"),
                at_least=insights.silent_cameras,
                description="Cameras send nothing, or they were not counted; make fleet says which",
            ),
            alerts.count_alarm(
                "CameraProblems",
                metric("CamerasWithProblem"),
                at_least=insights.problem_cameras,
                description="Cameras report a problem in their telemetry, or they were not "
                "counted; make fleet says which",
            ),
            alerts.count_alarm(
                "ProgramRefused",
                metric("CamerasRefusingProgram"),
                at_least=1,
                description="Cameras did not install the camera program, or they were not "
                "counted; make fleet says which and why",
            ),
            alerts.count_alarm(
                "ComponentBroken",
                metric("CamerasBroken"),
                at_least=1,
                description="The camera program is broken on some cameras, or they were not "
                "counted; make fleet says which, and make cameras how to fix it",
            ),
            alerts.state_alarm(
                "KitsExpire",
                self._fleet.metric(EXPIRING_METRIC, minutes=24 * 60),
                at_least=1,
                description="An enrolment kit expires within 14 days or has just expired; a mail "
                "names it, make cameras lists the kits, and make enrolment makes another",
            ),
        ]

    def _message_alarms(self) -> list[cloudwatch.IAlarm]:
        alerts, metrics = self._alerts, self._metrics
        late = environment_of(self).settings.insights.delivery_late_minutes * 60
        return [
            alerts.state_alarm(
                "RuleErrors",
                metrics.log_events(self._errors),
                at_least=1,
                description="An IoT rule could not deliver a message; its error log on the "
                "dashboard shows why, and make ask QUESTION=lost shows what did not arrive",
            ),
            alerts.state_alarm(
                "RulesNotRun",
                metrics.rules_not_run(),
                at_least=1,
                description="AWS IoT throttled a rule or could not parse a message for it; make "
                "ask QUESTION=lost says what did not arrive",
            ),
            alerts.state_alarm(
                "CamerasDenied",
                metrics.denied(),
                at_least=1,
                description="AWS IoT refused clients: a certificate or a policy is wrong; make "
                "fleet says which cameras are silent, AWS IoT's log which clients it refused",
            ),
            alerts.state_alarm(
                "CamerasThrottled",
                metrics.throttled(),
                at_least=1,
                description="AWS IoT throttled clients: a quota of the account is reached; ask for "
                "more in Service Quotas (AWS IoT Core), or set camera.telemetry_seconds higher",
            ),
            alerts.event_alarm(
                "StateLost",
                metrics.dropped(self._writer.function),
                description="Messages did not reach the latest-state table after all retries; "
                "make ask finds them in the archive, and the function's log shows why",
            ),
            *(
                alerts.state_alarm(
                    f"{name}DeliveryLate",
                    metrics.freshness(stream),
                    at_least=late,
                    description=f"{name}: messages reach the archive too late; the log of the "
                    "delivery stream shows why, and make ask QUESTION=archive shows what has "
                    "arrived",
                )
                for name, stream in self._watched.streams.items()
            ),
        ]

    def _model_alarms(self) -> list[cloudwatch.IAlarm]:
        alerts, metrics, watched = self._alerts, self._metrics, self._watched
        ends = (("Failed", "failed"), ("TimedOut", "took too long"), ("Aborted", "was aborted"))
        return [
            *(
                alerts.event_alarm(
                    f"Rollout{end}",
                    metrics.rollout(watched.rollout_arn, f"Executions{end}"),
                    description=f"A model did not reach the cameras: its rollout {how}; make "
                    "rollout says why, and its RESUME=1 tries again",
                )
                for end, how in ends
            ),
            *self._source_alarms(),
            # After all retries.
            *(
                alerts.event_alarm(
                    f"{rule}NotStarted",
                    metrics.not_invoked(name),
                    description=NOT_STARTED[rule],
                )
                for rule, name in watched.start_rules.items()
            ),
            alerts.state_alarm(
                "FailedStarts",
                metrics.kept(watched.failed_starts),
                at_least=1,
                description="Trainings or rollouts were not started; their events wait in a "
                "dead-letter queue. make upload-dataset, or rejecting and approving the model "
                "again, starts them",
            ),
        ]

    def _source_alarms(self) -> list[cloudwatch.IAlarm]:
        """Alarms of the source of models: the training pipeline or the promotion."""
        alerts, metrics, watched = self._alerts, self._metrics, self._watched
        found: list[cloudwatch.IAlarm] = []
        if watched.pipeline_name is not None:
            for end, description in _TRAINING_ENDED.items():
                metric = metrics.training(watched.pipeline_name, f"Execution{end}")
                found.append(alerts.event_alarm(f"Training{end}", metric, description=description))
        if watched.promotion is not None:
            found.append(
                alerts.event_alarm(
                    "PromotionFailed",
                    metrics.function_errors(watched.promotion),
                    description="A model approved in the source environment was not copied here; "
                    "make promote says why and tries again",
                )
            )
        return found

    def _camera_graphs(self) -> list[cloudwatch.IWidget]:
        metric = self._fleet.metric
        return [
            _graph("Cameras", [metric("Cameras"), metric("SilentCameras")]),
            _graph("Cameras with a problem", [metric("CamerasWithProblem")]),
            _graph(
                "Camera program",
                [
                    metric("CamerasOnCurrentProgram"),
                    metric("CamerasRefusingProgram"),
                    metric("CamerasBroken"),
                ],
            ),
        ]

    def _message_graphs(self) -> list[cloudwatch.IWidget]:
        metrics, streams = self._metrics, self._watched.streams
        archived = [metrics.archived(stream, name) for name, stream in streams.items()]
        ages = [metrics.freshness(stream, name) for name, stream in streams.items()]
        return [
            _graph("Messages archived", archived),
            _graph("Age of the oldest message not yet archived (s)", ages),
            _graph("Refused by AWS IoT", [metrics.denied(), metrics.throttled()]),
            _graph(
                "IoT rules",
                [metrics.rules_not_run(), metrics.log_events(self._errors)],
            ),
            _graph(
                "Latest-state table",
                [
                    self._writer.function.metric_invocations(),
                    self._writer.function.metric_errors(),
                    metrics.dropped(self._writer.function),
                ],
            ),
        ]

    def _model_graphs(self) -> list[cloudwatch.IWidget]:
        metrics, watched = self._metrics, self._watched
        ends = ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")
        rollouts = [metrics.rollout(watched.rollout_arn, f"Executions{end}") for end in ends]
        trainings = [
            metrics.training(watched.pipeline_name, f"Execution{end}")
            for end in ("Started", "Succeeded", "Failed", "Stopped")
            if watched.pipeline_name is not None
        ]
        starts: list[cloudwatch.IMetric] = [
            metrics.not_invoked(name) for name in watched.start_rules.values()
        ]
        starts.append(metrics.kept(watched.failed_starts))
        return [
            _graph("Model rollouts", rollouts),
            *([_graph("Training pipeline", trainings)] if trainings else []),
            _graph("Starts that failed", starts),
        ]

    def _log(self, title: str, group: logs.ILogGroup) -> cloudwatch.IWidget:
        return cloudwatch.LogQueryWidget(
            title=title,
            log_group_names=[group.log_group_name],
            query_lines=["fields @timestamp, @message", "sort @timestamp desc", "limit 20"],
            width=24,
            height=6,
        )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=title, left=list(metrics), width=8, height=6, period=cdk.Duration.minutes(5)
    )
