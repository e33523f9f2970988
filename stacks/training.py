# SPDX-License-Identifier: Apache-2.0
"""From photos to a registered model, or from another environment's registry to this one's."""

from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.assets.definitions import TRAINING
from infra.common.asset import archive_asset
from infra.common.failed_starts import FailedStarts
from infra.common.stack import EnvironmentStack
from infra.config.exchange import Exchange, model_package_group, promotion_function
from infra.config.settings import Settings
from infra.training.model_registry import ModelRegistry
from infra.training.notebook import TrainingNotebook
from infra.training.pipeline import TrainingPipeline
from infra.training.promotion import ModelPromotion
from infra.training.sharing import ModelSharing
from stacks.data import DataStack


class TrainingStack(EnvironmentStack):
    """The training pipeline and the registry of its models.

    An environment that takes another one's models has the registry and a function that copies
    models into it, but no pipeline: ``pipeline_name`` is None. Elsewhere ``promotion`` is None.
    """

    purpose = "the pipeline that trains, and the registry of its models"

    def __init__(
        self, scope: Construct, construct_id: str, *, data: DataStack, exchange: Exchange
    ) -> None:
        super().__init__(scope, construct_id, settings=data.settings, key_arn=data.key_arn)
        self.add_stack_dependency(data)
        artifacts = data.artifacts.imported(self, "Artifacts")
        # Names come from the settings, so other stacks need no reference to these resources.
        self.model_package_group = model_package_group(self.settings)
        self.pipeline_name: str | None = None
        self.promotion: str | None = None
        self.start_rules: dict[str, str] = {}
        if exchange.source is None:
            registry, failed = self._train(data, artifacts)
        else:
            registry, failed = self._take(artifacts, exchange.source, exchange.source_name)
        self.failed_starts = self.export(failed.queue.queue_name)
        if exchange.receivers:
            ModelSharing(
                self,
                "Sharing",
                registry=registry,
                artifacts=artifacts,
                receivers=exchange.receivers,
                failed_starts=failed,
            )
        self.output("ModelPackageGroup", registry.name, "Where a model is approved")
        self.state_deletion_policies()

    def _train(self, data: DataStack, artifacts: s3.IBucket) -> tuple[ModelRegistry, FailedStarts]:
        dataset = data.dataset.imported(self, "Dataset")
        code = archive_asset(self, "Code", TRAINING)
        training = TrainingPipeline(
            self, "Training", dataset=dataset, artifacts=artifacts, code=code
        )
        self.pipeline_name = training.name
        self.start_rules = {rule.node.id: self.export(rule.ref) for rule in training.starts}
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
            self.output(
                "NotebookInstance", notebook.name, "Notebook instance with the training notebook"
            )
        self.output("PipelineName", training.name, "Starts when a manifest arrives")
        self.output("TrainingRoleArn", training.job_role.arn, "What the training code runs with")
        return training.registry, training.failed_starts

    def _take(
        self, artifacts: s3.IBucket, source: Settings, source_name: str
    ) -> tuple[ModelRegistry, FailedStarts]:
        # In the same scope as in an environment that trains, so that they stay the same resources
        # when the environment starts or stops taking another one's models.
        scope = Construct(self, "Training")
        registry = ModelRegistry(scope, "Models", name=self.model_package_group)
        failed_starts = FailedStarts(scope, "FailedStarts")
        promotion = ModelPromotion(
            self,
            "Promotion",
            registry=registry,
            artifacts=artifacts,
            source=source,
            source_name=source_name,
            failed_starts=failed_starts,
        )
        # By name: an export would tie the insights stack to it, and an environment that starts or
        # stops taking models could not be deployed (docs/adr/0018).
        self.promotion = promotion_function(self.settings)
        self.output(
            "PromotionFunction",
            promotion.function.function_name,
            f"Copies approved models of {source_name} here",
        )
        return registry, failed_starts
