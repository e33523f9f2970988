# SPDX-License-Identifier: Apache-2.0
"""What one environment costs a month, roughly, from its settings.

List prices of us-east-1 in US dollars (2026-11), times a factor for the region. Free tiers are not
counted. The point is to compare environments and to notice a factor of ten, not to predict a bill.
"""

from dataclasses import dataclass

from infra.settings import Settings

HOURS = 730
MINUTES = HOURS * 60

REGION_FACTORS = {
    "ap-northeast-1": 1.25,
    "ap-northeast-2": 1.2,
    "ap-south-1": 1.05,
    "ap-southeast-1": 1.2,
    "ap-southeast-2": 1.2,
    "ca-central-1": 1.1,
    "eu-central-1": 1.15,
    "eu-west-1": 1.1,
    "eu-west-2": 1.15,
    "us-east-1": 1.0,
    "us-east-2": 1.0,
    "us-west-2": 1.0,
}

INSTANCE_HOURS = {
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836,
    "ml.g4dn.xlarge": 0.736,
    "ml.g5.xlarge": 1.408,
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.t3.medium": 0.05,
}
"""SageMaker training and processing, by the hour. Another type is priced like the dearest here."""

KMS_KEY = 1.0
DASHBOARD = 3.0
ALARM = 0.10
ALARMS = 6
S3_GB = 0.023
LOGS_GB = 0.50
CORE_DEVICE = 0.16
IOT_CONNECTION_MINUTES = 0.08 / 1e6
IOT_MESSAGE = 1.00 / 1e6
IOT_RULE = (0.15 + 0.15) / 1e6
"""One rule that is triggered and runs one action."""
TABLE_WRITE = 0.625 / 1e6
FIREHOSE_GB = 0.029
FIREHOSE_RECORD_GB = 5 / 1e6
"""Firehose bills each record as at least 5 kB."""

BYTES_PER_DETECTION = 400
GB_AT_REST = 5.0
LOGS_GB_PER_MONTH = 0.5
JOBS_PER_RUN = 3
START_UP_HOURS = 0.1
"""A SageMaker job is billed from when its machine downloads the image."""
HOURS_PER_EPOCH = 0.01


@dataclass(frozen=True, kw_only=True)
class Use:
    """What an environment is assumed to do in a month."""

    cameras: int = 10
    items_per_camera: int = 10_000
    training_runs: int = 4


@dataclass(frozen=True, kw_only=True)
class Cost:
    """US dollars a month, by what drives them."""

    standing: float
    training: float
    cameras: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.standing + self.training + self.cameras


def monthly_cost(settings: Settings, use: Use) -> Cost:
    """What this environment would cost if it were used like this."""
    factor = REGION_FACTORS.get(settings.region, max(REGION_FACTORS.values()))
    keep_months = settings.data.archive_days / 30
    archived_gb = use.cameras * use.items_per_camera * keep_months * BYTES_PER_DETECTION / 1e9
    standing = (
        KMS_KEY
        + DASHBOARD
        + ALARM * ALARMS
        + S3_GB * (GB_AT_REST + archived_gb)
        + LOGS_GB * LOGS_GB_PER_MONTH
    )
    instance = INSTANCE_HOURS.get(settings.training.instance_type, max(INSTANCE_HOURS.values()))
    hours = JOBS_PER_RUN * START_UP_HOURS + settings.training.epochs * HOURS_PER_EPOCH
    return Cost(
        standing=factor * standing,
        training=factor * use.training_runs * hours * instance,
        cameras=factor * use.cameras * _camera(settings, use),
    )


def _camera(settings: Settings, use: Use) -> float:
    telemetry = MINUTES * 60 / settings.camera.telemetry_seconds
    messages = telemetry + use.items_per_camera
    stored = IOT_RULE + TABLE_WRITE  # the latest state is written for each message of either kind
    archived = IOT_RULE + FIREHOSE_GB * FIREHOSE_RECORD_GB
    return (
        CORE_DEVICE
        + MINUTES * IOT_CONNECTION_MINUTES
        + messages * (IOT_MESSAGE + stored)
        + telemetry * IOT_RULE  # telemetry is looked at for problems too
        + use.items_per_camera * archived
    )
