# SPDX-License-Identifier: Apache-2.0
"""The model package group, and its removal with its environment."""

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.assets.definitions import REGISTRY_CLEANUP
from infra.common.custom_resource import CustomResourceFunction
from infra.common.permissions import list_packages
from infra.common.role import Allow
from infra.common.stack import environment_of
from infra.config.retention import keep


class ModelRegistry(Construct):
    """Where trained models are registered and approved.

    SageMaker deletes only empty groups. Where the environment keeps its data the group stays;
    elsewhere a custom resource deletes the packages before CloudFormation deletes the group.
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        settings = environment.settings
        self.name = name
        self.arn = environment.arn("sagemaker", f"model-package-group/{name}")
        self.packages_arn = environment.arn("sagemaker", f"model-package/{name}/*")
        """All packages of the group; SageMaker gives each a number."""
        self.group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name=name,
            model_package_group_description=f"Trash classifiers of {settings.prefix}",
        )
        if settings.keeps_data:
            keep(self.group, settings)
        else:
            self._empty_on_delete()

    def _empty_on_delete(self) -> None:
        cleanup = CustomResourceFunction(
            self,
            "Cleanup",
            code=REGISTRY_CLEANUP,
            description="Empties the model package group when its stack is deleted",
            # Hundreds of packages at SageMaker's rate for deletions; more go on at the next try.
            timeout=cdk.Duration.minutes(15),
            allow=[
                list_packages(self, self.name),
                Allow(
                    actions=["sagemaker:DeleteModelPackage"],
                    resources=[self.packages_arn],
                    why="A group's packages are named by numbers that SageMaker gives them.",
                ),
            ],
            resource_type="Custom::EmptiedModelPackageGroup",
            properties={"ModelPackageGroupName": self.name},
        )
        # CloudFormation deletes in the reverse order: first this, which empties, then the group.
        cleanup.resource.node.add_dependency(self.group)
