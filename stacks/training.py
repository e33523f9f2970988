# SPDX-License-Identifier: Apache-2.0
"""From photos to a registered model."""

from constructs import Construct

from infra.assets import archive_asset
from infra.bundles import TRAINING
from infra.settings import Settings
from infra.stack import EnvironmentStack
from infra.training_pipeline import TrainingPipeline
from stacks.data import DataStack


class TrainingStack(EnvironmentStack):
    """The training pipeline and the registry of its models."""

    purpose = "the pipeline that trains, and the registry of its models"

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack
    ) -> None:
        super().__init__(scope, construct_id, settings=settings)
        self.add_stack_dependency(data)
        training = TrainingPipeline(
            self,
            "Training",
            settings=settings,
            key_arn=data.key_arn,
            dataset_bucket=data.dataset.name,
            dataset_arn=data.dataset.arn,
            artifacts_bucket=data.artifacts.name,
            artifacts_arn=data.artifacts.arn,
            code=archive_asset(self, "Code", TRAINING),
        )
        # Names are the settings' own, so other stacks need no reference to these resources.
        self.pipeline_name = training.name
        self.model_package_group = training.group_name

        self.output("PipelineName", training.name, "Trains when a manifest arrives")
        self.output("ModelPackageGroup", training.group_name, "Where a model is approved")
        self.output("TrainingRoleArn", training.job_role.arn, "What the training code runs with")
        self.state_deletion_policies()
