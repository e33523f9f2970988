# SPDX-License-Identifier: Apache-2.0
"""What all four stacks of an environment have in common."""

from typing import ClassVar

import aws_cdk as cdk
from constructs import Construct

from infra.config.settings import Settings


class EnvironmentStack(cdk.Stack):
    """A stack of one environment: named by it, in its account and region, with its tags.

    In an environment that keeps its data the stack is protected against deletion too.
    """

    purpose: ClassVar[str]

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        boundary = settings.permissions_boundary
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{settings.prefix}-{construct_id.lower()}",
            description=f"Binsight {construct_id.lower()}: {self.purpose}",
            env=cdk.Environment(account=settings.account, region=settings.region),
            tags=dict(settings.tags),
            termination_protection=settings.keeps_data,
            permissions_boundary=(
                cdk.PermissionsBoundary.from_name(boundary) if boundary else None
            ),
        )
        self.settings = settings

    def output(self, name: str, value: str, description: str) -> None:
        """Publish a value under exactly this output name."""
        cdk.CfnOutput(self, name, value=value, description=description)

    def share(self, value: str) -> str:
        """Export a value of this stack; use the answer in a stack that depends on this one.

        Explicit, because a rule pack names a finding by the export's name: an acknowledgement
        can only be exact when the name is known while the construct is built.
        """
        return str(self.export_value(value))

    def state_deletion_policies(self) -> None:
        """Write the deletion policy of every resource into the template.

        CloudFormation's silent default differs by type and by who deletes; a reviewer should not
        have to know it. Whatever holds no data says Delete.
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
