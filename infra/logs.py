# SPDX-License-Identifier: Apache-2.0
"""Log groups, declared: encrypted, with a retention, gone or kept as the environment says."""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Settings


def declared_log_group(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    key_arn: str,
    name: str | None = None,
) -> logs.CfnLogGroup:
    """A log group that nothing creates behind our back, and that ``destroy`` removes.

    ``name`` only where a service writes to a fixed name.
    """
    group = logs.CfnLogGroup(
        scope,
        construct_id,
        log_group_name=name,
        kms_key_id=key_arn,
        retention_in_days=settings.data.log_days,
    )
    keep = settings.keeps_data and name is None  # a kept fixed name would block the next deploy
    policy = cdk.CfnDeletionPolicy.RETAIN if keep else cdk.CfnDeletionPolicy.DELETE
    group.cfn_options.deletion_policy = policy
    group.cfn_options.update_replace_policy = policy
    return group
