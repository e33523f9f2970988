# SPDX-License-Identifier: Apache-2.0
"""From photos to a registered model."""

from constructs import Construct

from infra.assets.definitions import TRAINING
from infra.common.asset import archive_asset
from infra.common.stack import EnvironmentStack
from infra.training.notebook import TrainingNotebook
from infra.training.pipeline import TrainingPipeline
from stacks.data import DataStack


class TrainingStack(EnvironmentStack):
    """The training pipeline and the registry of its models."""

    purpose = "the pipeline that trains, and the registry of its models"

    def __init__(self, scope: Construct, construct_id: str, *, data: DataStack) -> None:
        super().__init__(scope, construct_id, settings=data.settings, key_arn=data.key_arn)
        self.add_stack_dependency(data)
        dataset = data.dataset.imported(self, "Dataset")
        artifacts = data.artifacts.imported(self, "Artifacts")
        code = archive_asset(self, "Code", TRAINING)
        training = TrainingPipeline(
            self, "Training", dataset=dataset, artifacts=artifacts, code=code
        )
        # Names are the settings' own, so other stacks need no reference to these resources.
        self.pipeline_name = training.name
        self.model_package_group = training.registry.name
        self.start_rules = {rule.node.id: self.export(rule.ref) for rule in training.starts}

        self.failed_starts = self.export(training.failed_starts.queue.queue_name)

        instance_type = self.settings.training.notebook
        if instance_type is not None:
            notebook = TrainingNotebook(
                self,
                "Notebook",
                instance_type=instance_type,
                dataset=dataset,
                artifacts=artifacts,
                pipeline=training,
                code=code,
            )
            self.output("NotebookInstance", notebook.name, "Opens with the training notebook")

        self.output("PipelineName", training.name, "Trains when a manifest arrives")
        self.output("ModelPackageGroup", training.registry.name, "Where a model is approved")
        self.output("TrainingRoleArn", training.job_role.arn, "What the training code runs with")
        self.state_deletion_policies()
