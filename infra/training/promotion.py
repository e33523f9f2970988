# SPDX-License-Identifier: Apache-2.0
"""How an environment that does not train gets its models (docs/adr/0018)."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.assets.definitions import PROMOTION
from infra.common.compliance import acknowledge
from infra.common.failed_starts import FailedStarts
from infra.common.function import NO_VPC, Function
from infra.common.permissions import (
    list_objects,
    list_packages,
    read_objects,
    use_data_key,
    write_objects,
)
from infra.common.role import Allow
from infra.common.stack import environment_of
from infra.config.exchange import (
    bus_name,
    forwarding_role,
    model_package_group,
    promotion_function,
    promotion_role,
    reader_role,
    role_arn,
)
from infra.config.regions import training_image, training_repository_arn
from infra.config.settings import Settings
from infra.training.model_registry import ModelRegistry
from infra.training.sharing import NAMED, NAMED_ROLE

PROMOTED = "models/promoted/*"
_ACKNOWLEDGED = {
    "NIST.800.53.R5-LambdaConcurrency": "Called for each approval, a few times a month; a "
    "reservation could not be made in a new account, where AWS allows 10 concurrent executions.",
    "NIST.800.53.R5-LambdaDLQ": "The source's registry still has the approval: an alarm fires "
    "after the last retry, and `make promote` repeats the promotion.",
    NAMED: "`make promote`, the operator's policy and the alarm of another stack name it; it keeps "
    "nothing, so it can be replaced.",
    **NO_VPC,
}


class ModelPromotion(Construct):
    """A function that copies a model approved in ``source`` into this bucket and registry.

    It is called by ``make promote``, and by the source's approvals, which arrive on a bus of its
    own: another account can put nothing on the account's default bus.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        registry: ModelRegistry,
        artifacts: s3.IBucket,
        source: Settings,
        source_name: str,
        failed_starts: FailedStarts,
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment = environment_of(self)
        settings = self._environment.settings
        promotion = Function(
            self,
            "Function",
            code=PROMOTION,
            description=f"Copies an approved model of {source_name} into this environment",
            handler="promotion_handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            memory_size=512,
            timeout=cdk.Duration.minutes(5),
            environment={
                "SOURCE": source_name,
                "SOURCE_ACCOUNT": source.account,
                "SOURCE_REGION": source.region,
                "SOURCE_GROUP": model_package_group(source),
                "SOURCE_ROLE": role_arn(source, reader_role(source)),
                "ARTIFACTS_BUCKET": artifacts.bucket_name,
                "GROUP": registry.name,
                "IMAGE": training_image(settings.region),
                "APPROVAL": (
                    "Approved"
                    if settings.training.approval == "automatic"
                    else "PendingManualApproval"
                ),
            },
            allow=[
                Allow(
                    actions=["sts:AssumeRole"], resources=[role_arn(source, reader_role(source))]
                ),
                write_objects(artifacts, [PROMOTED], in_parts=False),
                # SageMaker reads a package's files with the permissions of the caller that
                # registers it.
                read_objects(artifacts, [PROMOTED]),
                list_objects(artifacts, [PROMOTED]),
                use_data_key(self, ["s3"]),
                list_packages(self, registry.name),
                Allow(
                    actions=["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
                    resources=[registry.arn, registry.packages_arn],
                    why="SageMaker numbers the versions within this one model package group.",
                ),
                # SageMaker resolves a package's image to its digest with the permissions of the
                # caller that registers it.
                Allow(
                    actions=["ecr:BatchGetImage", "ecr:DescribeImages"],
                    resources=[training_repository_arn(settings.region)],
                ),
            ],
            function_name=promotion_function(settings),
            acknowledged=_ACKNOWLEDGED,
        )
        name_role(promotion.role, promotion_role(settings))
        self.function = promotion.function
        self._start(source, failed_starts)

    def _start(self, source: Settings, failed_starts: FailedStarts) -> None:
        settings = self._environment.settings
        name = bus_name(settings)
        bus = events.EventBus(
            self, "Bus", event_bus_name=name, description="Models approved in another environment"
        )
        resource = bus.node.default_child
        assert isinstance(resource, events.CfnEventBus)  # noqa: S101
        # The bus's policy: one statement, only for the source's sender and these events.
        resource.policy = iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    sid="Approvals",
                    principals=[iam.AccountPrincipal(source.account)],
                    actions=["events:PutEvents"],
                    resources=[self._environment.arn("events", f"event-bus/{name}")],
                    conditions={
                        "ArnEquals": {
                            "aws:PrincipalArn": role_arn(source, forwarding_role(source))
                        },
                        "StringEquals": {
                            "events:source": "aws.sagemaker",
                            "events:detail-type": "SageMaker Model Package State Change",
                        },
                    },
                )
            ]
        )
        events.Rule(
            self,
            "Approved",
            event_bus=bus,
            description="Promotes a model that another environment has approved",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                account=[source.account],
                detail={
                    "ModelPackageGroupName": [model_package_group(source)],
                    "ModelApprovalStatus": ["Approved"],
                },
            ),
            targets=[
                targets.LambdaFunction(
                    self.function,
                    max_event_age=cdk.Duration.hours(1),
                    retry_attempts=8,
                    dead_letter_queue=failed_starts.queue,
                )
            ],
        )


def name_role(role: iam.Role, name: str) -> None:
    """Give a role a name that another account's policies can refer to."""
    resource = role.node.default_child
    assert isinstance(resource, iam.CfnRole)  # noqa: S101
    resource.role_name = name
    acknowledge(role, {NAMED: NAMED_ROLE})
