# SPDX-License-Identifier: Apache-2.0
"""What one environment costs a month, roughly, from its settings alone.

Same list prices and same assumed use as the estimate in ``make review`` (tools/review/cost.py),
which counts resources in templates; this one needs no synth. A factor allows for the region. The
point is to compare environments and to notice a factor of ten, not to predict a bill.
"""

from dataclasses import dataclass

from infra.config.settings import Settings
from tools.review import prices
from tools.review.cost import Use

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
"""How prices compare with us-east-1, over the services used here; rounded."""

# What the stacks hold, as far as it costs something.
BUCKETS = 5
ALARMS = 6
LOG_GROUPS = 8
LOG_GB = 0.1
PROCESSING_STEPS = 2
"""Steps of the pipeline beside Train that run on a machine of their own."""


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
    standing = (
        prices.FIXED["AWS::KMS::Key"]
        + prices.FIXED["AWS::CloudWatch::Dashboard"]
        + prices.FIXED["AWS::CloudWatch::Alarm"] * ALARMS
        + prices.S3_GB_MONTH * use.stored_gb * BUCKETS
        + LOG_GROUPS
        * LOG_GB
        * (prices.LOGS_GB + prices.LOGS_GB_MONTH * settings.data.log_days / 30)
    )
    # A machine that has no price here is taken for one of the dearest.
    training = settings.training
    dearest = max(prices.INSTANCE_HOUR.values())
    train = prices.INSTANCE_HOUR.get(training.instance_type, dearest) * training.instance_count
    process = prices.INSTANCE_HOUR.get(training.processing_machine.name, dearest)
    hour = train + PROCESSING_STEPS * process
    return Cost(
        standing=factor * standing,
        training=factor * use.trainings * use.hours_per_step * hour,
        cameras=factor * use.cameras * _camera(settings, use),
    )


def _camera(settings: Settings, use: Use) -> float:
    telemetry = 60 * 60 * 24 * 30 / settings.camera.telemetry_seconds / 1e6
    detections = use.items_per_camera_and_day * 30 / 1e6
    messages = telemetry + detections
    rule = prices.IOT_MILLION_RULES + prices.IOT_MILLION_ACTIONS
    return (
        prices.GREENGRASS_CAMERA
        + prices.IOT_CAMERA_CONNECTED
        + messages * prices.IOT_MILLION_MESSAGES
        # Two rules look at each message; one of them writes the latest state.
        + messages * (2 * rule + prices.DYNAMODB_MILLION_WRITES)
        # Firehose counts every record as 5 KB at least.
        + detections * 5 * prices.FIREHOSE_GB
    )
