# SPDX-License-Identifier: Apache-2.0
"""The functions that keep the latest state of every camera and watch it."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from contracts.enrolment_kits import EXPIRE_EVENT
from contracts.fleet import silent_after_seconds
from infra.assets.definitions import FLEET_WATCH
from infra.common.function import NO_VPC, Function
from infra.common.permissions import use_data_key
from infra.common.role import Allow
from infra.common.stack import environment_of

WATCH_EVERY = cdk.Duration.minutes(2)
_SMALL = {
    "NIST.800.53.R5-LambdaConcurrency": "A reservation could not be made in a new account, where "
    "AWS allows 10 concurrent executions in all; 2,000 cameras keep one to two busy.",
    **NO_VPC,
}
_REPLACED = (
    "What is lost is written again by the camera's next message; an alarm counts the losses."
)


class StateWriter(Construct):
    """Writes rows of the latest-state table, never an older one over a newer one.

    AWS IoT rules call ``function``; Greengrass's events about refused deployments and broken
    components arrive here too.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, table: dynamodb.ITable, thing_group: str
    ) -> None:
        super().__init__(scope, construct_id)
        stack = environment_of(self)
        cameras = f"{stack.settings.prefix}-"
        self.function = Function(
            self,
            "Function",
            code=FLEET_WATCH,
            description="Writes the latest state of a camera",
            handler="device_state_handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            memory_size=256,
            timeout=cdk.Duration.seconds(30),
            environment={
                "LATEST_TABLE": table.table_name,
                "THING_GROUP": thing_group,
                "THING_PREFIX": cameras,
            },
            allow=[
                Allow(
                    actions=["dynamodb:GetItem", "dynamodb:PutItem"], resources=[table.table_arn]
                ),
                Allow(
                    actions=["iot:DescribeThing", "iot:ListThingGroupsForThing"],
                    resources=[stack.arn("iot", f"thing/{cameras}*")],
                    why="Serial numbers are not known at deployment; cameras are named "
                    "<prefix>-<serial>.",
                ),
                use_data_key(self, ["dynamodb"]),
            ],
            acknowledged={**_SMALL, "NIST.800.53.R5-LambdaDLQ": _REPLACED},
        ).function
        self.greengrass = events.Rule(
            self,
            "Greengrass",
            description="Records which cameras accepted a deployment and which components broke",
            event_pattern=events.EventPattern(
                source=["aws.greengrass"],
                detail_type=[
                    "Greengrass V2 Effective Deployment Status Change",
                    "Greengrass V2 Installed Component Status Change",
                ],
            ),
            targets=[
                targets.LambdaFunction(
                    self.function, max_event_age=cdk.Duration.hours(1), retry_attempts=8
                )
            ],
        )


class FleetWatch(Construct):
    """Reads the table every two minutes; writes metrics of the fleet and mails its faults."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table: dynamodb.ITable,
        topic: sns.ITopic,
        thing_group: str,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = environment_of(self)
        self._namespace = f"Binsight/{stack.settings.prefix}"
        group_arn = stack.arn("iot", f"thinggroup/{thing_group}")
        self.function = Function(
            self,
            "Function",
            code=FLEET_WATCH,
            description="Watches every camera",
            handler="fleet_watch_handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            memory_size=512,
            timeout=cdk.Duration.seconds(100),
            environment={
                "PLACE": stack.settings.prefix,
                "LATEST_TABLE": table.table_name,
                "ALERTS_TOPIC": topic.topic_arn,
                "METRIC_NAMESPACE": self._namespace,
                "THING_GROUP": thing_group,
                "THING_GROUP_ARN": group_arn,
                "SILENT_AFTER_SECONDS": str(
                    silent_after_seconds(stack.settings.camera.telemetry_seconds)
                ),
            },
            allow=[
                Allow(actions=["dynamodb:PutItem", "dynamodb:Scan"], resources=[table.table_arn]),
                Allow(actions=["iot:ListThingsInThingGroup"], resources=[group_arn]),
                Allow(actions=["sns:Publish"], resources=[topic.topic_arn]),
                use_data_key(self, ["dynamodb", "sns"]),
                Allow(
                    actions=["cloudwatch:PutMetricData"],
                    resources=["*"],
                    conditions={"StringEquals": {"cloudwatch:namespace": self._namespace}},
                    why="Metrics have no resource level; the condition names the namespace.",
                ),
                Allow(
                    actions=["greengrass:ListDeployments"],
                    resources=["*"],
                    why="Greengrass has no resource level for it; it returns the group's current "
                    "deployment.",
                ),
            ],
            acknowledged={
                **_SMALL,
                "NIST.800.53.R5-LambdaDLQ": "The next run, two minutes later, does all the work; "
                "an alarm fires when no run succeeds.",
            },
        ).function
        self.schedule = events.Rule(
            self,
            "Clock",
            description="Watches the cameras",
            schedule=events.Schedule.rate(WATCH_EVERY),
            # A run that is late is replaced by the next one.
            targets=[
                targets.LambdaFunction(
                    self.function, max_event_age=cdk.Duration.minutes(1), retry_attempts=0
                )
            ],
        )

        self.kits = events.Rule(
            self,
            "Kits",
            description="Mails which enrolment kits expire",
            event_pattern=events.EventPattern(
                source=[stack.settings.prefix], detail_type=[EXPIRE_EVENT]
            ),
            targets=[
                targets.LambdaFunction(
                    self.function, max_event_age=cdk.Duration.hours(1), retry_attempts=8
                )
            ],
        )

    def metric(self, name: str, *, minutes: int = 5) -> cloudwatch.Metric:
        """A metric of the fleet: a number of cameras, or of enrolment kits."""
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=name,
            statistic="Maximum",
            period=cdk.Duration.minutes(minutes),
        )
