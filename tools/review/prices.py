# SPDX-License-Identifier: Apache-2.0
"""What things cost, roughly: on-demand list prices in US dollars, us-east-1, without free tiers.

Source: the pricing page of each AWS service (aws.amazon.com/<service>/pricing) as known in 2025,
written down by hand and not checked against the live pages since. Nothing is fetched for a
review, other regions differ by up to about 20 %, and discounts are not known here. The figures
are for comparing a change with what was before, not for a budget.
"""

from typing import Final

AS_OF: Final = "2025"
REGION: Final = "us-east-1"
HOURS: Final = 730.0
"""Hours in a month."""

FIXED: Final = {
    "AWS::CloudWatch::Alarm": 0.10,
    "AWS::CloudWatch::Dashboard": 3.00,
    "AWS::KMS::Key": 1.00,
    "AWS::SecretsManager::Secret": 0.40,
    "AWS::EC2::NatGateway": 0.045 * HOURS,
    "AWS::EC2::EIP": 0.005 * HOURS,
    "AWS::EC2::VPCEndpoint": 0.01 * HOURS,
}
"""A month of a resource that costs something by being there."""

INSTANCE_HOUR: Final = {
    "ml.t3.medium": 0.05,
    "ml.t3.large": 0.10,
    "ml.t3.xlarge": 0.20,
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.m5.12xlarge": 2.765,
    "ml.c5.large": 0.102,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836,
    "ml.g4dn.xlarge": 0.736,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.p3.2xlarge": 3.825,
}
"""SageMaker training, processing, notebook and hosting machines, per hour."""

VOLUME_GB_MONTH: Final = 0.14
IOT_MILLION_MESSAGES: Final = 1.00
IOT_MILLION_RULES: Final = 0.15
IOT_MILLION_ACTIONS: Final = 0.15
IOT_CAMERA_CONNECTED: Final = 0.0035
GREENGRASS_CAMERA: Final = 0.16
FIREHOSE_GB: Final = 0.029
S3_GB_MONTH: Final = 0.023
LOGS_GB: Final = 0.50
LOGS_GB_MONTH: Final = 0.03
DYNAMODB_MILLION_WRITES: Final = 0.625
KMS_TEN_THOUSAND_REQUESTS: Final = 0.03
