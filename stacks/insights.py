# SPDX-License-Identifier: Apache-2.0
"""Stores, watches and shows what the cameras send, and sends alerts."""

from constructs import Construct

from infra.common.log_group import log_group
from infra.common.stack import EnvironmentStack
from infra.insights.alerts import Alerts
from infra.insights.archive import Archive
from infra.insights.athena import Workgroup
from infra.insights.budget import Budget
from infra.insights.device_state_table import DeviceStateTable
from infra.insights.fleet_watch import FleetWatch, StateWriter
from infra.insights.iot_rules import MessageRules
from infra.insights.monitoring import Monitoring, Watched
from infra.insights.reader import Reader
from stacks.data import DataStack
from stacks.edge import EdgeStack
from stacks.training import TrainingStack


class InsightsStack(EnvironmentStack):
    """IoT rules, archive, latest state, the fleet's watcher, alerts, dashboard."""

    purpose = "detections and state of the cameras: archive, latest state, alerts, dashboard"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        data: DataStack,
        training: TrainingStack,
        edge: EdgeStack,
    ) -> None:
        super().__init__(scope, construct_id, settings=data.settings, key_arn=data.key_arn)
        self.add_stack_dependency(data)
        self.add_stack_dependency(training)
        self.add_stack_dependency(edge)
        bucket = data.archive.imported(self, "ArchiveBucket")
        archive = Archive(self, "Archive", bucket=bucket)
        table = DeviceStateTable(self, "LatestState")
        alerts = Alerts(self, "Alerts")
        errors = log_group(self, "RuleErrors")
        every_camera = f"{self.settings.prefix}-runtime"
        writer = StateWriter(self, "StateWriter", table=table, thing_group=every_camera)
        rules = MessageRules(
            self, "Rules", archive=archive, state_writer=writer.function, errors=errors
        )
        fleet = FleetWatch(
            self,
            "FleetWatch",
            table=table,
            topic=alerts.topic,
            thing_group=every_camera,
        )
        monitoring = Monitoring(
            self,
            "Monitoring",
            alerts=alerts,
            fleet=fleet,
            writer=writer,
            errors=errors,
            watched=Watched(
                streams={
                    "Detections": archive.detections.delivery_stream_name,
                    "Telemetry": archive.telemetry.delivery_stream_name,
                },
                iot_rules={rule.node.id: rule.rule.ref for rule in rules.rules},
                rollout_arn=edge.rollout_arn,
                pipeline_name=training.pipeline_name,
                failed_starts={"Training": training.failed_starts, "Rollout": edge.failed_starts},
                promotion=training.promotion,
                start_rules={
                    **training.start_rules,
                    **edge.start_rules,
                    writer.greengrass.node.id: writer.greengrass.rule_name,
                    fleet.schedule.node.id: fleet.schedule.rule_name,
                    fleet.kits.node.id: fleet.kits.rule_name,
                },
            ),
        )
        workgroup = Workgroup(self, "Athena", bucket=bucket, database=archive.database)
        reader = Reader(
            self,
            "Reader",
            bucket=bucket,
            database=archive.database_name,
            table=table,
            workgroup=workgroup,
        )
        insights = self.settings.insights
        if insights.budget_usd and insights.alert_email:
            Budget(self, "Budget", usd=insights.budget_usd, email=insights.alert_email)
        self.output("Workgroup", workgroup.name, "Athena workgroup with the named queries")
        self.output("ReaderRoleArn", reader.role.role_arn, "Assume it to query the archive")
        self.output("LatestTable", table.table_name, "The latest state of every camera")
        self.output("AlertsTopicArn", alerts.topic.topic_arn, "Subscribe here to receive alerts")
        self.output(
            "DetectionsDeliveryStream",
            archive.detections.delivery_stream_name,
            "Writes detections to the archive",
        )
        self.output(
            "TelemetryDeliveryStream",
            archive.telemetry.delivery_stream_name,
            "Writes telemetry to the archive",
        )
        self.output("Database", archive.database.database_name, "Tables detections and telemetry")
        self.output(
            "DashboardName", monitoring.dashboard.dashboard_name, "The environment's dashboard"
        )
        self.state_deletion_policies()
