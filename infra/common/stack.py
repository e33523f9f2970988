# SPDX-License-Identifier: Apache-2.0
"""The base class of all stacks of an environment, and what it provides to their constructs."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct, IConstruct

from infra.config.settings import Settings


def environment_of(construct: IConstruct) -> "EnvironmentStack":
    """The environment's stack that contains a construct; TypeError if it is in another stack."""
    stack = cdk.Stack.of(construct)
    if not isinstance(stack, EnvironmentStack):
        raise TypeError(f"{construct.node.path} is not in an EnvironmentStack")
    return stack


class EnvironmentStack(cdk.Stack):
    """A stack of one environment: named by it, in its account and region, with its tags.

    It has what every construct of the environment may need: ``settings`` and ``key``, the key that
    encrypts its data. A construct gets them through ``environment_of(self)``; nothing passes them
    on. The data stack creates the key; every other stack gets its ARN as ``key_arn``.

    In an environment that keeps its data the stack is protected against deletion too. ``options``
    are those of cdk.Stack and override the ones set here.
    """

    purpose = ""
    """What is in the stack, for its description."""
    key: kms.IKey

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key_arn: str | None = None,
        **options: Any,
    ) -> None:
        boundary = settings.permissions_boundary
        defaults: dict[str, Any] = {
            "stack_name": f"{settings.prefix}-{construct_id.lower()}",
            "description": f"Binsight {construct_id.lower()}: {self.purpose}",
            "env": cdk.Environment(account=settings.account, region=settings.region),
            "tags": dict(settings.tags),
            "termination_protection": settings.keeps_data,
            "permissions_boundary": (
                cdk.PermissionsBoundary.from_name(boundary) if boundary else None
            ),
        }
        super().__init__(scope, construct_id, **(defaults | options))
        self.settings = settings
        if key_arn is not None:
            self.key = kms.Key.from_key_arn(self, "DataKey", key_arn)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and region: ``arn("iot", "thing/x")``."""
        return self.format_arn(
            service=service, resource=resource, arn_format=cdk.ArnFormat.NO_RESOURCE_NAME
        )

    def output(self, name: str, value: str, description: str) -> None:
        """Publish a value under exactly this output name."""
        cdk.CfnOutput(self, name, value=value, description=description)

    def export(self, value: str) -> str:
        """Export a value of this stack; use the result in a stack that depends on this one.

        Explicit, because a rule pack names a finding by the export's name: an acknowledgement
        can only be exact when the name is known while the construct is built.
        """
        return str(self.export_value(value))

    def state_deletion_policies(self) -> None:
        """Write the deletion policy of every resource into the template.

        CloudFormation's implicit default differs by resource type and by the kind of deletion, and
        reviewers should not need to know it. Resources without data get Delete.
        """
        for construct in self.node.find_all():
            if cdk.CfnResource.is_cfn_resource(construct) and isinstance(
                construct, cdk.CfnResource
            ):
                options = construct.cfn_options
                if options.deletion_policy is None:
                    options.deletion_policy = cdk.CfnDeletionPolicy.DELETE
                if options.update_replace_policy is None:
                    options.update_replace_policy = cdk.CfnDeletionPolicy.DELETE
