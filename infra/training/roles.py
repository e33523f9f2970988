# SPDX-License-Identifier: Apache-2.0
"""Who may do what in training: one role drives the pipeline, another one touches the data."""

from constructs import Construct

from infra.common.permissions import (
    list_objects,
    list_packages,
    read_objects,
    use_key,
    write_objects,
)
from infra.common.role import Allow, ServiceRole
from infra.config.regions import training_repository_arn
from infra.config.settings import Settings

SERVICE = "sagemaker.amazonaws.com"


class TrainingRoles(Construct):
    """``pipeline`` starts jobs and registers models; ``jobs`` is what the jobs' code runs with.

    The code that trains can thus neither start machines nor approve what it made.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        model_package_group: str,
        key_arn: str,
        dataset_arn: str,
        artifacts_arn: str,
        code_bucket_arn: str,
        code_key: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._region, self._account = settings.region, settings.account
        self._key_arn = key_arn
        self.jobs = ServiceRole(
            self,
            "Jobs",
            service=SERVICE,
            description="What the code of the training jobs may do",
            allow=[
                read_objects(dataset_arn, ["*"]),
                list_objects(dataset_arn),
                read_objects(artifacts_arn, ["runs/*", "models/*"]),
                write_objects(artifacts_arn, ["runs/*", "models/*"]),
                # All of it: only then does S3 say of a model that is gone that it is.
                list_objects(artifacts_arn),
                read_objects(code_bucket_arn, [code_key]),
                list_objects(code_bucket_arn, [code_key]),
                *_weights(settings),
                *self._comparison(model_package_group),
                use_key(
                    key_arn,
                    settings.region,
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
            description="What the training pipeline itself may do",
            allow=[
                read_objects(artifacts_arn, ["runs/*", "models/*"]),
                list_objects(artifacts_arn, ["runs/*", "models/*"]),
                # It reads what the jobs wrote and writes nothing itself.
                use_key(key_arn, settings.region, ["s3"], actions=["kms:Decrypt"]),
                self._grant_to_disks(),
                *self._job_control(),
                self._registration(model_package_group),
                # SageMaker resolves a package's image to its digest as who registers the package.
                Allow(
                    actions=["ecr:BatchGetImage", "ecr:DescribeImages"],
                    on=[training_repository_arn(self._region)],
                ),
                Allow(
                    actions=["iam:PassRole"],
                    on=[self.jobs.arn],
                    when={"StringEquals": {"iam:PassedToService": SERVICE}},
                ),
            ],
        )

    def _grant_to_disks(self) -> Allow:
        # The jobs' disks are encrypted: SageMaker passes the key on to EBS by a grant.
        return Allow(
            actions=["kms:CreateGrant", "kms:DescribeKey"],
            on=[self._key_arn],
            when={"StringEquals": {"kms:ViaService": f"sagemaker.{self._region}.amazonaws.com"}},
        )

    def _comparison(self, group: str) -> list[Allow]:
        """A new model is compared with the approved one, whose file is under models/."""
        arn = f"arn:aws:sagemaker:{self._region}:{self._account}"
        return [
            list_packages(arn, group),
            Allow(
                actions=["sagemaker:DescribeModelPackage"],
                on=[f"{arn}:model-package/{group}/*"],
                why="A group's packages are named by numbers that SageMaker gives them.",
            ),
        ]

    def _job_control(self) -> list[Allow]:
        arn = f"arn:aws:sagemaker:{self._region}:{self._account}"
        named = "SageMaker Pipelines names its jobs pipelines-<execution>-<step>-<random>."
        return [
            Allow(
                actions=[
                    "sagemaker:AddTags",
                    f"sagemaker:Create{kind}Job",
                    f"sagemaker:Describe{kind}Job",
                    f"sagemaker:Stop{kind}Job",
                ],
                on=[f"{arn}:{kind.lower()}-job/pipelines-*"],
                why=named,
            )
            for kind in ("Processing", "Training")
        ]

    def _registration(self, group: str) -> Allow:
        arn = f"arn:aws:sagemaker:{self._region}:{self._account}"
        return Allow(
            actions=[
                "sagemaker:AddTags",
                "sagemaker:CreateModelPackage",
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
            ],
            on=[f"{arn}:model-package-group/{group}", f"{arn}:model-package/{group}/*"],
            why="SageMaker numbers the versions within this one model package group.",
        )

    def _image_pull(self) -> list[Allow]:
        return [
            Allow(
                actions=["ecr:GetAuthorizationToken"],
                on=["*"],
                why="ecr:GetAuthorizationToken has no resource level (service authorization "
                "reference); what can be pulled is limited by the next statement.",
            ),
            Allow(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                on=[training_repository_arn(self._region)],
            ),
        ]

    def _job_logs(self) -> list[Allow]:
        logs = f"arn:aws:logs:{self._region}:{self._account}:log-group:/aws/sagemaker"
        groups = [f"{logs}/{kind}Jobs" for kind in ("Processing", "Training")]
        return [
            Allow(
                actions=[
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                on=[f"{group}:*" for group in groups],
                why="SageMaker writes all jobs of an account to these two log groups; the "
                "wildcard is the log stream.",
            ),
            Allow(
                actions=["cloudwatch:PutMetricData"],
                on=["*"],
                when={
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


def _weights(settings: Settings) -> list[Allow]:
    """Pretrained weights in S3, where the settings name a folder there."""
    place = settings.training.weights_prefix
    if place is None:
        return []
    bucket, prefix = place
    return [
        read_objects(f"arn:aws:s3:::{bucket}", [f"{prefix}*"]),
        list_objects(f"arn:aws:s3:::{bucket}", [f"{prefix}*"]),
    ]
