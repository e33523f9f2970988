# SPDX-License-Identifier: Apache-2.0
"""What outlives its stack where an environment keeps its data.

What an operation made that failed goes with its rollback, kept or not: a fixed name that stayed
would fail the next try, and a key or a bucket would stay behind for each try.
"""

import aws_cdk as cdk

from infra.config.settings import Settings


def removal(settings: Settings) -> cdk.RemovalPolicy:
    """What becomes of a resource that holds something when its stack or it is deleted."""
    if settings.keeps_data:
        return cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    return cdk.RemovalPolicy.DESTROY


def keep(resource: cdk.CfnResource, settings: Settings) -> None:
    """The same for a written-out resource; where data is not kept, its stack says Delete."""
    if settings.keeps_data:
        resource.apply_removal_policy(removal(settings))
