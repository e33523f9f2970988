# SPDX-License-Identifier: Apache-2.0
"""The one key that encrypts an environment's data at rest."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.common.stack import environment_of
from infra.config.retention import removal


class DataKey(Construct):
    """A customer managed key with rotation, usable by this account's roles and its log groups.

    Roles get access to the key through their own policies (the account's root delegates to IAM).
    Services that act without a role are named here, once and limited to this account: a statement
    added later by another stack would make the stacks depend on each other in a circle.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        settings = environment.settings
        self.key = kms.Key(
            self,
            "Key",
            description=f"Data of {settings.prefix}",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(30 if settings.keeps_data else 7),
            removal_policy=removal(settings),
        )
        log_groups = environment.arn("logs", "log-group:*")
        self._serve(
            "LogGroups",
            f"logs.{settings.region}.amazonaws.com",
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
        )
        # Alarms publish to the encrypted alerts topic without a role of their own.
        self._serve(
            "Alarms",
            "cloudwatch.amazonaws.com",
            {"StringEquals": {"aws:SourceAccount": settings.account}},
        )

    def _serve(self, sid: str, service: str, conditions: dict[str, dict[str, str]]) -> None:
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                principals=[iam.ServicePrincipal(service)],
                actions=[
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:Encrypt",
                    "kms:GenerateDataKey",
                    "kms:GenerateDataKeyWithoutPlaintext",
                    "kms:ReEncryptFrom",
                    "kms:ReEncryptTo",
                ],
                resources=["*"],  # in a key policy this means this key
                conditions=conditions,
            )
        )
