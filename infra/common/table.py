# SPDX-License-Identifier: Apache-2.0
"""DynamoDB tables with the settings that all capabilities share."""

from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.common.compliance import acknowledge
from infra.common.stack import environment_of
from infra.config.retention import removal


def key(name: str) -> dynamodb.Attribute:
    """A key attribute that holds text."""
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


class KeyedTable(dynamodb.Table):
    """A table on demand, under the environment's key, with point-in-time recovery.

    ``no_backup_plan`` is the reason why it is in no AWS Backup plan; ``options`` are those of
    dynamodb.Table. It is not protected against deletion: CloudFormation could not roll its creation
    back.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, no_backup_plan: str, **options: Any
    ) -> None:
        environment = environment_of(scope)
        super().__init__(
            scope,
            construct_id,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=environment.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=removal(environment.settings),
            **options,
        )
        acknowledge(self, {"NIST.800.53.R5-DynamoDBInBackupPlan": no_backup_plan})
