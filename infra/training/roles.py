# SPDX-License-Identifier: Apache-2.0
"""The roles of training: one runs the pipeline, another one reads and writes the data."""

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.common.permissions import (
    list_objects,
    list_packages,
    read_objects,
    use_data_key,
    write_objects,
)
from infra.common.role import Allow, ServiceRole
from infra.common.stack import environment_of
from infra.config.regions import training_repository_arn
from infra.training.model_registry import ModelRegistry

SERVICE = "sagemaker.amazonaws.com"


class TrainingRoles(Construct):
    """``pipeline`` starts jobs and registers models; the jobs' code runs with ``jobs``.

    The training code can therefore neither start machines nor approve its own models.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        registry: ModelRegistry,
        dataset: s3.IBucket,
        artifacts: s3.IBucket,
        code: s3_assets.Asset,
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment = environment_of(self)
        self._image = training_repository_arn(self._environment.region)
        self.jobs = ServiceRole(
            self,
            "Jobs",
            service=SERVICE,
            description="Permissions of the training jobs' code",
            allow=[
                read_objects(dataset, ["*"]),
                list_objects(dataset),
                read_objects(artifacts, ["runs/*", "models/*"]),
                write_objects(artifacts, ["runs/*", "models/*"]),
                # The whole bucket: otherwise S3 answers 403 instead of 404 for a deleted model.
                list_objects(artifacts),
                read_objects(code.bucket, [code.s3_object_key]),
                list_objects(code.bucket, [code.s3_object_key]),
                *self._weights(),
                *self._comparison(registry),
                use_data_key(
                    self,
                    ["s3", "sagemaker", "ec2"],
                    # Encrypt: SageMaker's guide asks for it where outputs have a key.
                    actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
                ),
                self._grant_to_disks(),
                *self._image_pull(),
                *self._job_logs(),
            ],
        )
        self.pipeline = ServiceRole(
            self,
            "Pipeline",
            service=SERVICE,
            description="Permissions of the training pipeline itself",
            allow=[
                read_objects(artifacts, ["runs/*", "models/*"]),
                list_objects(artifacts, ["runs/*", "models/*"]),
                # It reads the jobs' outputs and writes nothing.
                use_data_key(self, ["s3"], actions=["kms:Decrypt"]),
                self._grant_to_disks(),
                *self._job_control(),
                self._registration(registry),
                # SageMaker resolves a package's image to its digest with the permissions of the
                # caller that registers it.
                Allow(
                    actions=["ecr:BatchGetImage", "ecr:DescribeImages"],
                    resources=[self._image],
                ),
                Allow(
                    actions=["iam:PassRole"],
                    resources=[self.jobs.arn],
                    conditions={"StringEquals": {"iam:PassedToService": SERVICE}},
                ),
            ],
        )

    def _grant_to_disks(self) -> Allow:
        # The jobs' disks are encrypted: SageMaker gives EBS access to the key through a grant.
        return Allow(
            actions=["kms:CreateGrant", "kms:DescribeKey"],
            resources=[self._environment.key.key_arn],
            conditions={
                "StringEquals": {
                    "kms:ViaService": f"sagemaker.{self._environment.region}.amazonaws.com"
                }
            },
        )

    def _comparison(self, registry: ModelRegistry) -> list[Allow]:
        """A new model is compared with the approved one, whose file is under models/."""
        return [
            list_packages(self, registry.name),
            Allow(
                actions=["sagemaker:DescribeModelPackage"],
                resources=[registry.packages_arn],
                why="SageMaker names a group's packages by number.",
            ),
        ]

    def _job_control(self) -> list[Allow]:
        named = "SageMaker Pipelines names its jobs pipelines-<execution>-<step>-<random>."
        return [
            Allow(
                actions=[
                    "sagemaker:AddTags",
                    f"sagemaker:Create{kind}Job",
                    f"sagemaker:Describe{kind}Job",
                    f"sagemaker:Stop{kind}Job",
                ],
                resources=[self._environment.arn("sagemaker", f"{kind.lower()}-job/pipelines-*")],
                why=named,
            )
            for kind in ("Processing", "Training")
        ]

    def _registration(self, registry: ModelRegistry) -> Allow:
        return Allow(
            actions=[
                "sagemaker:AddTags",
                "sagemaker:CreateModelPackage",
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
            ],
            resources=[registry.arn, registry.packages_arn],
            why="SageMaker numbers the versions within this one model package group.",
        )

    def _image_pull(self) -> list[Allow]:
        return [
            Allow(
                actions=["ecr:GetAuthorizationToken"],
                resources=["*"],
                why="ecr:GetAuthorizationToken has no resource level (service authorization "
                "reference); what can be pulled is limited by the next statement.",
            ),
            Allow(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[self._image],
            ),
        ]

    def _job_logs(self) -> list[Allow]:
        groups = [
            self._environment.arn("logs", f"log-group:/aws/sagemaker/{kind}Jobs")
            for kind in ("Processing", "Training")
        ]
        return [
            Allow(
                actions=[
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                resources=[f"{group}:*" for group in groups],
                why="SageMaker writes all jobs of an account to these two log groups; the "
                "wildcard is the log stream.",
            ),
            Allow(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={
                    "StringEquals": {
                        "cloudwatch:namespace": [
                            "/aws/sagemaker/ProcessingJobs",
                            "/aws/sagemaker/TrainingJobs",
                        ]
                    }
                },
                why="cloudwatch:PutMetricData has no resource level; the condition limits it to "
                "the namespaces of SageMaker's jobs.",
            ),
        ]

    def _weights(self) -> list[Allow]:
        """Access to pretrained weights, if the settings name a folder in S3."""
        place = self._environment.settings.training.weights_prefix
        if place is None:
            return []
        name, prefix = place
        bucket = s3.Bucket.from_bucket_name(self, "Weights", name)
        return [read_objects(bucket, [f"{prefix}*"]), list_objects(bucket, [f"{prefix}*"])]
