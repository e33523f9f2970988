# SPDX-License-Identifier: Apache-2.0
"""The model package group, and how it goes when its environment goes."""

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.assets.assets import archive_asset
from infra.assets.definitions import REGISTRY_CLEANUP
from infra.common.function import Function
from infra.common.permissions import list_packages
from infra.common.role import Allow
from infra.config.retention import keep
from infra.config.settings import Settings

_CALLED_ONCE = "Called by CloudFormation when the stack is made, updated or deleted, "
_ACKNOWLEDGED = {
    "NIST.800.53.R5-LambdaConcurrency": _CALLED_ONCE + "one call at a time; a reservation could "
    "not be made in a new account, where AWS allows 10 concurrent executions in all.",
    "NIST.800.53.R5-LambdaDLQ": _CALLED_ONCE + "which waits for its answer and reports a failure.",
    "NIST.800.53.R5-LambdaInsideVPC": "Talks to the SageMaker API only and reaches nothing in a "
    "VPC; a VPC would add NAT costs and endpoints without protecting anything.",
}


class ModelRegistry(Construct):
    """Where trained models are registered and approved.

    SageMaker deletes only empty groups. Where the environment keeps its data the group stays;
    elsewhere a custom resource deletes the packages before CloudFormation deletes the group.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, key_arn: str, name: str
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self.group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name=name,
            model_package_group_description=f"Trash classifiers of {settings.prefix}",
        )
        if settings.keeps_data:
            keep(self.group, settings)
        else:
            self._empty_on_delete(settings, key_arn)

    def _empty_on_delete(self, settings: Settings, key_arn: str) -> None:
        account = f"{settings.region}:{settings.account}"
        function = Function(
            self,
            "Cleanup",
            settings=settings,
            key_arn=key_arn,
            code=archive_asset(self, "CleanupCode", REGISTRY_CLEANUP),
            description="Empties the model package group when its stack is deleted",
            handler="registry_cleanup_handler.handler",
            runtime="python3.14",
            memory_mb=256,
            # Hundreds of packages at SageMaker's rate for deletions; more go on at the next try.
            timeout_seconds=900,
            environment={},
            allow=[
                list_packages(f"arn:aws:sagemaker:{account}", self.name),
                Allow(
                    actions=["sagemaker:DeleteModelPackage"],
                    on=[f"arn:aws:sagemaker:{account}:model-package/{self.name}/*"],
                    why="A group's packages are named by numbers that SageMaker gives them.",
                ),
            ],
            acknowledged=_ACKNOWLEDGED,
        )
        emptied = cdk.CfnResource(
            self,
            "Emptied",
            type="Custom::EmptiedModelPackageGroup",
            properties={"ServiceToken": function.arn, "ModelPackageGroupName": self.name},
        )
        # CloudFormation deletes in the reverse order: first this, which empties, then the group.
        emptied.add_resource_dependency(self.group)
