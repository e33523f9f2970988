# SPDX-License-Identifier: Apache-2.0
"""The model package group, and how it goes when its environment goes."""

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.assets.definitions import REGISTRY_CLEANUP
from infra.common.custom_resource import CustomResourceFunction
from infra.common.permissions import list_packages
from infra.common.role import Allow
from infra.config.retention import keep
from infra.config.settings import Settings


class ModelRegistry(Construct):
    """Where trained models are registered and approved.

    SageMaker deletes only empty groups. Where the environment keeps its data the group stays;
    elsewhere a custom resource deletes the packages before CloudFormation deletes the group.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, name: str
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
            self._empty_on_delete(settings)

    def _empty_on_delete(self, settings: Settings) -> None:
        sagemaker_arn = f"arn:aws:sagemaker:{settings.region}:{settings.account}"
        cleanup = CustomResourceFunction(
            self,
            "Cleanup",
            code=REGISTRY_CLEANUP,
            description="Empties the model package group when its stack is deleted",
            # Hundreds of packages at SageMaker's rate for deletions; more go on at the next try.
            timeout=cdk.Duration.minutes(15),
            allow=[
                list_packages(sagemaker_arn, self.name),
                Allow(
                    actions=["sagemaker:DeleteModelPackage"],
                    resources=[f"{sagemaker_arn}:model-package/{self.name}/*"],
                    why="A group's packages are named by numbers that SageMaker gives them.",
                ),
            ],
            resource_type="Custom::EmptiedModelPackageGroup",
            properties={"ModelPackageGroupName": self.name},
        )
        # CloudFormation deletes in the reverse order: first this, which empties, then the group.
        cleanup.resource.node.add_dependency(self.group)
