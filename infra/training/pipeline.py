# SPDX-License-Identifier: Apache-2.0
"""The training pipeline with its role, and what starts it."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.common.role import Allow, ServiceRole
from infra.config.regions import training_image
from infra.config.settings import Settings
from infra.training.model_registry import ModelRegistry
from infra.training.pipeline_definition import PipelineInputs, pipeline_definition
from infra.training.roles import TrainingRoles


class TrainingPipeline(Construct):
    """Trains, evaluates and registers a model each time a dataset's manifest arrives.

    ``*_bucket`` and ``*_arn`` are names and ARNs of the data stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key_arn: str,
        dataset_bucket: str,
        dataset_arn: str,
        artifacts_bucket: str,
        artifacts_arn: str,
        code: s3_assets.Asset,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._arn = f"arn:aws:sagemaker:{settings.region}:{settings.account}"
        self.name = f"{settings.prefix}-training"
        self.group_name = f"{settings.prefix}-models"
        registry = ModelRegistry(self, "Models", settings=settings, name=self.group_name)
        roles = TrainingRoles(
            self,
            "Roles",
            settings=settings,
            model_package_group=self.group_name,
            key_arn=key_arn,
            dataset_arn=dataset_arn,
            artifacts_arn=artifacts_arn,
            code_bucket_arn=f"arn:aws:s3:::{code.s3_bucket_name}",
            code_key=code.s3_object_key,
        )
        self.job_role = roles.jobs
        definition = pipeline_definition(
            PipelineInputs(
                image=training_image(settings.region),
                training_image=training_image(
                    settings.region, gpu=settings.training.machine.gpus > 0
                ),
                region=settings.region,
                role_arn=roles.jobs.arn,
                key_arn=key_arn,
                code_uri=f"s3://{code.s3_bucket_name}/{code.s3_object_key}",
                dataset_bucket=dataset_bucket,
                artifacts_bucket=artifacts_bucket,
                model_package_group=self.group_name,
                bins=settings.bins.policy().to_json(),
                training=settings.training,
                tags=settings.tags,
            )
        )
        self.pipeline = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=self.name,
            pipeline_display_name=self.name,
            pipeline_description="Prepares photos, trains, evaluates, gates and registers a model",
            pipeline_definition={
                "PipelineDefinitionBody": cdk.Stack.of(self).to_json_string(definition)
            },
            role_arn=roles.pipeline.arn,
        )
        self.pipeline.add_resource_dependency(registry.group)
        self.starts: list[events.CfnRule] = []
        self._start_on_manifest(dataset_bucket)

    def _start_on_manifest(self, dataset_bucket: str) -> None:
        """A dataset is complete when its manifest arrives: it is uploaded last."""
        start = ServiceRole(
            self,
            "Start",
            service="events.amazonaws.com",
            description="Lets the event bus start the training pipeline",
            allow=[
                Allow(
                    actions=["sagemaker:StartPipelineExecution"],
                    on=[f"{self._arn}:pipeline/{self.name}"],
                )
            ],
        )
        self._rule(
            "NewManifest",
            start,
            "Trains when a dataset's manifest.json arrives",
            # Of the event: the key of the manifest, and the version that has just been written.
            manifest="$.detail.object.key",
            version="$.detail.object.version-id",
            event_pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {
                    "bucket": {"name": [dataset_bucket]},
                    "object": {"key": [{"suffix": "/manifest.json"}]},
                },
            },
        )
        schedule = self._settings.training.schedule
        if schedule:
            self._rule(
                "Schedule",
                start,
                "Trains again by the clock",
                manifest=f"{self._settings.training.dataset}/manifest.json",
                # The clock knows no version; its own time makes sure that photos are read again.
                version="$.time",
                schedule_expression=schedule,
            )

    def _rule(
        self,
        name: str,
        role: ServiceRole,
        description: str,
        *,
        manifest: str,
        version: str,
        **when: Any,
    ) -> None:
        parameters = [
            events.CfnRule.SageMakerPipelineParameterProperty(name=key, value=value)
            for key, value in (("DatasetManifest", manifest), ("DatasetVersion", version))
        ]
        rule = events.CfnRule(
            self,
            name,
            description=description,
            targets=[
                events.CfnRule.TargetProperty(
                    id="Pipeline",
                    arn=f"{self._arn}:pipeline/{self.name}",
                    role_arn=role.arn,
                    sage_maker_pipeline_parameters=(
                        events.CfnRule.SageMakerPipelineParametersProperty(
                            pipeline_parameter_list=parameters
                        )
                    ),
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=3600, maximum_retry_attempts=8
                    ),
                )
            ],
            **when,
        )
        rule.add_resource_dependency(self.pipeline)
        self.starts.append(rule)
