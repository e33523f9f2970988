# SPDX-License-Identifier: Apache-2.0
"""The last word of every camera."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.common.compliance import acknowledge
from infra.config.retention import keep
from infra.config.settings import Settings

KINDS = ("detection", "telemetry")


class LatestState(Construct):
    """A table with one row per camera and kind of message: ``thing``, ``kind`` and the message.

    Rows do not expire: a camera that has been silent for a month must show as silent, not vanish.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, key_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.CfnTable(
            self,
            "Table",
            billing_mode="PAY_PER_REQUEST",
            attribute_definitions=[
                {"attributeName": "thing", "attributeType": "S"},
                {"attributeName": "kind", "attributeType": "S"},
            ],
            key_schema=[
                {"attributeName": "thing", "keyType": "HASH"},
                {"attributeName": "kind", "keyType": "RANGE"},
            ],
            sse_specification={
                "sseEnabled": True,
                "sseType": "KMS",
                "kmsMasterKeyId": key_arn,
            },
            point_in_time_recovery_specification={"pointInTimeRecoveryEnabled": True},
        )
        # Not protected against deletion: CloudFormation could not roll its creation back.
        keep(self.table, settings)
        acknowledge(
            self.table,
            {
                "NIST.800.53.R5-DynamoDBInBackupPlan": "Every row is written again by the next "
                "message of its camera; point-in-time recovery covers a deletion by mistake.",
            },
        )
