# SPDX-License-Identifier: Apache-2.0
"""What the cameras say: kept, shown, and brought to people's attention."""

from constructs import Construct

from infra.common.log_group import declared_log_group
from infra.common.stack import EnvironmentStack
from infra.config.settings import Settings
from infra.insights.alerts import Alerts
from infra.insights.detection_archive import DetectionArchive
from infra.insights.device_state_table import LatestState
from infra.insights.iot_rules import MessageRules
from infra.insights.monitoring import Monitoring
from stacks.data import DataStack
from stacks.edge import EdgeStack
from stacks.training import TrainingStack


class InsightsStack(EnvironmentStack):
    """IoT rules, archive, latest state, alerts, dashboard."""

    purpose = "what cameras see and how they are: archive, latest state, alerts, dashboard"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        data: DataStack,
        training: TrainingStack,
        edge: EdgeStack,
    ) -> None:
        super().__init__(scope, construct_id, settings=settings, key_arn=data.key_arn)
        self.add_stack_dependency(data)
        self.add_stack_dependency(training)
        self.add_stack_dependency(edge)
        key_arn = data.key_arn
        archive = DetectionArchive(
            self,
            "Archive",
            settings=settings,
            key_arn=key_arn,
            bucket_name=data.archive.name,
            bucket_arn=data.archive.arn,
        )
        latest = LatestState(self, "Latest", settings=settings, key_arn=key_arn)
        alerts = Alerts(self, "Alerts", settings=settings, key_arn=key_arn)
        errors = declared_log_group(self, "RuleErrors", settings=settings, key_arn=key_arn)
        problems = declared_log_group(self, "Problems", settings=settings, key_arn=key_arn)
        MessageRules(
            self,
            "Rules",
            settings=settings,
            key_arn=key_arn,
            errors=errors,
            problems=problems,
            stream=archive.stream,
            table=latest.table,
            topic=alerts.topic,
        )
        monitoring = Monitoring(
            self,
            "Monitoring",
            settings=settings,
            alerts=alerts,
            errors=errors,
            problems=problems,
            stream_name=archive.stream.ref,
            rollout_arn=edge.rollout_arn,
            pipeline_name=training.pipeline_name,
            start_rules=training.start_rules | edge.start_rules,
        )
        self.output("LatestTable", latest.table.ref, "The last word of every camera")
        self.output("AlertsTopicArn", alerts.topic.ref, "Subscribe here to be told")
        self.output("DetectionsDeliveryStream", archive.stream.ref, "Writes the archive")
        self.output("Database", archive.database, "Ask it with Athena: table detections")
        self.output("DashboardName", monitoring.dashboard.ref, "The page to look at")
        self.state_deletion_policies()
