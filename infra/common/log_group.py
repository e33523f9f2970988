# SPDX-License-Identifier: Apache-2.0
"""Log groups, declared: encrypted, with a retention, gone or kept as the environment says."""

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config.retention import keep
from infra.config.settings import Settings


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
    if name is None:  # a kept fixed name would block the next deploy
        keep(group, settings)
    return group
