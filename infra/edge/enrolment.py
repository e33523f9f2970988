# SPDX-License-Identifier: Apache-2.0
"""Which boxes may become cameras: the list of serial numbers and the hook that checks it."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.assets.definitions import ENROLMENT
from infra.common.function import NO_VPC, Function
from infra.common.permissions import use_data_key
from infra.common.role import Allow
from infra.common.stack import environment_of
from infra.common.table import KeyedTable, key

_SMALL = {
    "NIST.800.53.R5-LambdaConcurrency": "A reservation could not be made in a new account, where "
    "AWS allows 10 concurrent executions in all; a camera enrols once.",
    **NO_VPC,
    "NIST.800.53.R5-LambdaDLQ": "AWS IoT waits for the hook's answer and the camera tries again; "
    "the kits are looked at again the next day.",
}


class Enrolment(Construct):
    """The list of expected cameras and kits, the pre-provisioning hook, the expiry of kits.

    lambda/enrolment/ decides: a camera is registered only if its serial number is on the list, it
    has no certificate yet, and its claim certificate belongs to a kit that has not expired.
    """

    def __init__(self, scope: Construct, construct_id: str, *, template: str) -> None:
        super().__init__(scope, construct_id)
        stack = environment_of(self)
        prefix = stack.settings.prefix
        self.table = KeyedTable(
            self,
            "Cameras",
            partition_key=key("id"),
            no_backup_plan="The list is made from a file that the ops team keeps; point-in-time "
            "recovery covers a deletion by mistake.",
        )
        self.hook = self._function(
            "Hook",
            "handler",
            "Decides whether a camera may be registered",
            timeout=cdk.Duration.seconds(5),
            allow=[
                Allow(
                    actions=["dynamodb:GetItem", "dynamodb:UpdateItem"],
                    resources=[self.table.table_arn],
                ),
                Allow(
                    actions=["iot:ListThingPrincipals"],
                    resources=[stack.arn("iot", f"thing/{prefix}-*")],
                    why="Serial numbers are not known at deployment; cameras are named "
                    "<prefix>-<serial>.",
                ),
                use_data_key(self, ["dynamodb"]),
            ],
        )
        self.permission = lambda_.CfnPermission(
            self,
            "MayAsk",
            action="lambda:InvokeFunction",
            function_name=self.hook.function_arn,
            principal="iot.amazonaws.com",
            source_account=stack.account,
            source_arn=stack.arn("iot", f"provisioningtemplate/{template}"),
        )
        expiry = self._function(
            "Expiry",
            "daily",
            "Deactivates the claim certificates of expired kits, reports those that soon expire",
            timeout=cdk.Duration.minutes(2),
            allow=[
                Allow(
                    actions=["dynamodb:Scan", "dynamodb:UpdateItem"],
                    resources=[self.table.table_arn],
                ),
                Allow(
                    actions=["iot:UpdateCertificate"],
                    resources=[stack.arn("iot", "cert/*")],
                    why="AWS IoT generates a certificate's id when it issues it; the function "
                    "updates only certificates that the table lists as kits.",
                ),
                # The event names the kits, and the watcher of the insights stack mails them.
                Allow(
                    actions=["events:PutEvents"],
                    resources=[stack.arn("events", "event-bus/default")],
                    conditions={"StringEquals": {"events:source": stack.settings.prefix}},
                ),
                use_data_key(self, ["dynamodb"]),
            ],
        )
        events.Rule(
            self,
            "Daily",
            description="Starts the check for expired enrolment kits",
            schedule=events.Schedule.rate(cdk.Duration.days(1)),
            targets=[
                targets.LambdaFunction(
                    expiry, max_event_age=cdk.Duration.hours(1), retry_attempts=8
                )
            ],
        )

    def _function(
        self, construct_id: str, handler: str, description: str, **options: Any
    ) -> lambda_.Function:
        return Function(
            self,
            construct_id,
            code=ENROLMENT,
            description=description,
            handler=f"enrolment_handler.{handler}",
            runtime=lambda_.Runtime.PYTHON_3_14,
            memory_size=256,
            environment={
                "BINSIGHT_CAMERAS_TABLE": self.table.table_name,
                "BINSIGHT_PREFIX": environment_of(self).settings.prefix,
                "METRIC_NAMESPACE": f"Binsight/{environment_of(self).settings.prefix}",
            },
            acknowledged=_SMALL,
            **options,
        ).function
