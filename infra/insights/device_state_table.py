# SPDX-License-Identifier: Apache-2.0
"""The latest state of every camera."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.common.compliance import acknowledge
from infra.common.stack import environment_of
from infra.config.retention import removal


class DeviceStateTable(dynamodb.Table):
    """One row per camera and kind of message: ``thing``, ``kind`` and the message.

    contracts/fleet.py has the kinds. Rows of messages do not expire: a camera that has been silent
    for a month must show as silent. Rows of old deployments do.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        environment = environment_of(scope)
        super().__init__(
            scope,
            construct_id,
            partition_key=dynamodb.Attribute(name="thing", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="kind", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=environment.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires",
            # Not protected against deletion: CloudFormation could not roll its creation back.
            removal_policy=removal(environment.settings),
        )
        acknowledge(
            self,
            {
                "NIST.800.53.R5-DynamoDBInBackupPlan": "Every row is written again by the next "
                "message of its camera; point-in-time recovery covers a deletion by mistake.",
            },
        )
