# SPDX-License-Identifier: Apache-2.0
"""Which resources are kept when their stack is deleted, if an environment keeps its data.

In every environment, the rollback of a failed operation deletes the resources that the operation
created. Otherwise a fixed name would make the next attempt fail, and each attempt would leave a key
or a bucket behind.
"""

import aws_cdk as cdk

from infra.config.settings import Settings


def removal(settings: Settings) -> cdk.RemovalPolicy:
    """What happens to a resource with data when it or its stack is deleted."""
    if settings.keeps_data:
        return cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    return cdk.RemovalPolicy.DESTROY


def keep(resource: cdk.CfnResource, settings: Settings) -> None:
    """The same for an L1 resource; if data is not kept, its stack sets Delete."""
    if settings.keeps_data:
        resource.apply_removal_policy(removal(settings))
