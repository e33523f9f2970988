# SPDX-License-Identifier: Apache-2.0
"""From photos to a registered model."""

from constructs import Construct

from infra.assets.definitions import TRAINING
from infra.common.asset import archive_asset
from infra.common.stack import EnvironmentStack
from infra.config.settings import Settings
from infra.training.notebook import TrainingNotebook
from infra.training.pipeline import TrainingPipeline
from stacks.data import DataStack


class TrainingStack(EnvironmentStack):
    """The training pipeline and the registry of its models."""

    purpose = "the pipeline that trains, and the registry of its models"

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack
    ) -> None:
        super().__init__(scope, construct_id, settings=settings, key_arn=data.key_arn)
        self.add_stack_dependency(data)
        code = archive_asset(self, "Code", TRAINING)
        training = TrainingPipeline(
            self,
            "Training",
            settings=settings,
            key_arn=data.key_arn,
            dataset_bucket=data.dataset.name,
            dataset_arn=data.dataset.arn,
            artifacts_bucket=data.artifacts.name,
            artifacts_arn=data.artifacts.arn,
            code=code,
        )
        # Names are the settings' own, so other stacks need no reference to these resources.
        self.pipeline_name = training.name
        self.model_package_group = training.group_name
        self.start_rules = {rule.node.id: self.share(rule.ref) for rule in training.starts}

        if settings.training.notebook is not None:
            notebook = TrainingNotebook(
                self,
                "Notebook",
                settings=settings,
                instance_type=settings.training.notebook,
                key_arn=data.key_arn,
                dataset_arn=data.dataset.arn,
                artifacts_arn=data.artifacts.arn,
                pipeline=training.name,
                model_package_group=training.group_name,
                code=code,
            )
            self.output("NotebookInstance", notebook.name, "Opens with the training notebook")

        self.output("PipelineName", training.name, "Trains when a manifest arrives")
        self.output("ModelPackageGroup", training.group_name, "Where a model is approved")
        self.output("TrainingRoleArn", training.job_role.arn, "What the training code runs with")
        self.state_deletion_policies()
