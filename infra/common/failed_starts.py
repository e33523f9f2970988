# SPDX-License-Identifier: Apache-2.0
"""The dead-letter queue for events whose target EventBridge could not start."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.common.compliance import acknowledge

_IS_ONE = {
    "AwsSolutions-SQS3": "It is itself a dead-letter queue, for the targets of EventBridge rules.",
}


class FailedStarts(Construct):
    """A dead-letter queue that keeps events whose target did not start for 14 days. An alarm on its
    depth ends when an operator has emptied it.

    It is encrypted with SQS's own key: EventBridge has no role here, so the environment's key would
    have to allow EventBridge for all queues of the account. Events contain only names.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        # The queue itself, not its policy.
        acknowledge(self.queue.node.find_child("Resource"), _IS_ONE)

    def accept(self, rule_id: str, rule_arn: str) -> None:
        """Let EventBridge send events of this rule to the queue; L2 targets do that themselves."""
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid=rule_id,
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule_arn}},
            )
        )
