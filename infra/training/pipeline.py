# SPDX-License-Identifier: Apache-2.0
"""The training pipeline with its roles and the rules that start it."""

from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.common.failed_starts import FailedStarts
from infra.common.role import Allow, ServiceRole
from infra.common.stack import environment_of
from infra.config.exchange import model_package_group
from infra.config.regions import training_image
from infra.training.model_registry import ModelRegistry
from infra.training.pipeline_definition import pipeline_definition
from infra.training.pipeline_steps import PipelineSteps
from infra.training.roles import TrainingRoles


class TrainingPipeline(Construct):
    """Trains, evaluates and registers a model each time a dataset's manifest arrives."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        dataset: s3.IBucket,
        artifacts: s3.IBucket,
        code: s3_assets.Asset,
    ) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        settings = environment.settings
        self.name = f"{settings.prefix}-training"
        self.arn = environment.arn("sagemaker", f"pipeline/{self.name}")
        self.registry = ModelRegistry(self, "Models", name=model_package_group(settings))
        roles = TrainingRoles(
            self,
            "Roles",
            registry=self.registry,
            dataset=dataset,
            artifacts=artifacts,
            code=code,
        )
        self.job_role = roles.jobs
        steps = PipelineSteps(
            image=training_image(settings.region),
            training_image=training_image(settings.region, gpu=settings.training.machine.gpus > 0),
            region=settings.region,
            role_arn=roles.jobs.arn,
            key_arn=environment.key.key_arn,
            code_uri=code.s3_object_url,
            dataset_bucket=dataset.bucket_name,
            artifacts_bucket=artifacts.bucket_name,
            model_package_group=self.registry.name,
            bins=settings.bins.policy().to_json(),
            training=settings.training,
            tags=settings.tags,
        )
        self.pipeline = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=self.name,
            pipeline_display_name=self.name,
            pipeline_description="Prepares photos, trains, evaluates, gates and registers a model",
            pipeline_definition={
                "PipelineDefinitionBody": environment.to_json_string(pipeline_definition(steps))
            },
            role_arn=roles.pipeline.arn,
        )
        self.pipeline.add_resource_dependency(self.registry.group)
        self.starts = self._starts(dataset)

    def _starts(self, dataset: s3.IBucket) -> list[events.CfnRule]:
        """Start when a manifest arrives: it is uploaded last, so the dataset is then complete."""
        training = environment_of(self).settings.training
        self.failed_starts = FailedStarts(self, "FailedStarts")
        role = ServiceRole(
            self,
            "Start",
            service="events.amazonaws.com",
            description="Lets the event bus start the training pipeline",
            allow=[Allow(actions=["sagemaker:StartPipelineExecution"], resources=[self.arn])],
        )
        starts = [
            self._rule(
                "NewManifest",
                role,
                # From the event: the key of the manifest and the version that was just written.
                {
                    "DatasetManifest": "$.detail.object.key",
                    "DatasetVersion": "$.detail.object.version-id",
                },
                description="Trains when a dataset's manifest.json arrives",
                event_pattern={
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": {
                        "bucket": {"name": [dataset.bucket_name]},
                        "object": {"key": [{"suffix": "/manifest.json"}]},
                    },
                },
            )
        ]
        if training.schedule:
            starts.append(
                self._rule(
                    "Schedule",
                    role,
                    # A schedule has no version; its time makes prepare read the photos again.
                    {
                        "DatasetManifest": f"{training.dataset}/manifest.json",
                        "DatasetVersion": "$.time",
                    },
                    description="Trains again on a schedule",
                    schedule_expression=training.schedule,
                )
            )
        return starts

    def _rule(
        self, name: str, role: ServiceRole, parameters: dict[str, str], **when: Any
    ) -> events.CfnRule:
        """A rule that starts the pipeline. L1: the CDK has no target for SageMaker pipelines."""
        rule = events.CfnRule(
            self,
            name,
            targets=[
                events.CfnRule.TargetProperty(
                    id="Pipeline",
                    arn=self.arn,
                    role_arn=role.arn,
                    sage_maker_pipeline_parameters=(
                        events.CfnRule.SageMakerPipelineParametersProperty(
                            pipeline_parameter_list=[
                                events.CfnRule.SageMakerPipelineParameterProperty(
                                    name=key, value=value
                                )
                                for key, value in parameters.items()
                            ]
                        )
                    ),
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=3600, maximum_retry_attempts=8
                    ),
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                        arn=self.failed_starts.queue.queue_arn
                    ),
                )
            ],
            **when,
        )
        rule.add_resource_dependency(self.pipeline)
        self.failed_starts.accept(name, rule.attr_arn)
        return rule
