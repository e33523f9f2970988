# SPDX-License-Identifier: Apache-2.0
"""The access that an environment gives to environments that take its models (docs/adr/0018)."""

from collections.abc import Mapping

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.common.compliance import acknowledge
from infra.common.failed_starts import FailedStarts
from infra.common.permissions import list_packages, read_objects, use_data_key
from infra.common.role import Allow, acknowledge_wildcards, trust_of_account
from infra.common.stack import environment_of
from infra.config.exchange import (
    bus_arn,
    forwarding_role,
    promotion_role,
    reader_role,
    role_arn,
)
from infra.config.settings import Settings
from infra.training.model_registry import ModelRegistry

SHARED = (
    "models/*/model.tar.gz",
    "runs/*/evaluation/*",
    "runs/*/prepared/report/*",
    "runs/*/train/*/output/output.tar.gz",
)
"""A model and the reports about it. The photos, also below runs/, are not among them."""
NAMED = "BinsightChecks::BINSIGHT-CFN2"
NAMED_ROLE = (
    "Another account's policies name this role, and either side may be deployed first; the name "
    "carries the environment's prefix and region."
)


class ModelSharing(Construct):
    """A role that the receivers' promotion functions assume, and rules that forward approvals.

    The role reads packages of this one group, models and their reports, and decrypts through S3.
    The trust policy allows only one named role in each receiver's account.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        registry: ModelRegistry,
        artifacts: s3.IBucket,
        receivers: Mapping[str, Settings],
        failed_starts: FailedStarts,
    ) -> None:
        super().__init__(scope, construct_id)
        self._failed_starts = failed_starts
        self._environment = environment_of(self)
        self._reader(registry, artifacts, receivers)
        sender = self._sender(receivers)
        for name, receiver in receivers.items():
            self._rule(name, registry, bus_arn(receiver), sender)

    def _reader(
        self, registry: ModelRegistry, artifacts: s3.IBucket, receivers: Mapping[str, Settings]
    ) -> None:
        allow = [
            list_packages(self, registry.name),
            Allow(
                actions=["sagemaker:DescribeModelPackage"],
                resources=[registry.packages_arn],
                why="SageMaker names a group's packages by number.",
            ),
            read_objects(artifacts, SHARED),
            use_data_key(self, ["s3"], actions=["kms:Decrypt"]),
        ]
        # A condition, because IAM refuses a principal that does not exist yet.
        trusted = iam.CompositePrincipal(
            *(
                iam.AccountPrincipal(receiver.account).with_conditions(
                    {
                        "ArnEquals": {
                            "aws:PrincipalArn": role_arn(receiver, promotion_role(receiver))
                        }
                    }
                )
                for receiver in receivers.values()
            )
        )
        policy = iam.ManagedPolicy(
            self, "ReaderPolicy", description="Reads approved models", statements=list(allow)
        )
        role = iam.Role(
            self,
            "Reader",
            role_name=reader_role(self._environment.settings),
            description="Environments that take models of this one read them with this role",
            assumed_by=trusted,
            managed_policies=[policy],
        )
        acknowledge_wildcards(policy, allow)
        acknowledge(role, {NAMED: NAMED_ROLE})

    def _sender(self, receivers: Mapping[str, Settings]) -> str:
        """Create the role of the rules and return its ARN."""
        policy = iam.ManagedPolicy(
            self,
            "SenderPolicy",
            description="Sends approvals of models to other environments",
            statements=[
                Allow(
                    actions=["events:PutEvents"],
                    resources=[bus_arn(receiver) for receiver in receivers.values()],
                )
            ],
        )
        account = self._environment.account
        role = iam.Role(
            self,
            "Sender",
            role_name=forwarding_role(self._environment.settings),
            description="Lets the event bus send approvals of models to other environments",
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com", conditions=trust_of_account(account)
            ),
            managed_policies=[policy],
        )
        acknowledge(role, {NAMED: NAMED_ROLE})
        return role.role_arn

    def _rule(self, name: str, registry: ModelRegistry, bus: str, sender: str) -> None:
        """L1: the CDK's target for another account's bus grants to a role of its own making."""
        rule = events.CfnRule(
            self,
            f"To-{name}",
            description=f"Sends approvals of models to {name}",
            event_pattern={
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Model Package State Change"],
                "account": [self._environment.account],
                "detail": {
                    "ModelPackageGroupName": [registry.name],
                    "ModelApprovalStatus": ["Approved"],
                },
            },
            targets=[
                events.CfnRule.TargetProperty(
                    id="Bus",
                    arn=bus,
                    role_arn=sender,
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=3600, maximum_retry_attempts=8
                    ),
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                        arn=self._failed_starts.queue.queue_arn
                    ),
                )
            ],
        )
        statement = "".join(part.title() for part in ("to", *name.split("-")))
        self._failed_starts.accept(statement, rule.attr_arn)
