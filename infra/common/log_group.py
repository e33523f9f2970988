# SPDX-License-Identifier: Apache-2.0
"""Declared log groups: encrypted, with a retention, kept or deleted as the environment says."""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.common.stack import environment_of
from infra.config.retention import removal

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    2557: logs.RetentionDays.SEVEN_YEARS,
    2922: logs.RetentionDays.EIGHT_YEARS,
    3288: logs.RetentionDays.NINE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}
"""The CDK's names for the days that the settings allow."""


def log_group(scope: Construct, construct_id: str, *, name: str | None = None) -> logs.LogGroup:
    """A log group that no service creates on its own, and that ``destroy`` removes.

    ``name`` only where a service writes to a fixed name.
    """
    environment = environment_of(scope)
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        encryption_key=environment.key,
        retention=_RETENTION[environment.settings.data.log_days],
        # A retained log group with a fixed name would block the next deployment.
        removal_policy=(
            removal(environment.settings) if name is None else cdk.RemovalPolicy.DESTROY
        ),
    )
