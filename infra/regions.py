# SPDX-License-Identifier: Apache-2.0
"""Regions Binsight can be deployed to, and what differs between them."""

DEEP_LEARNING_CONTAINER_ACCOUNTS = {
    "ap-northeast-1": "763104351884",
    "ap-northeast-2": "763104351884",
    "ap-south-1": "763104351884",
    "ap-southeast-1": "763104351884",
    "ap-southeast-2": "763104351884",
    "ca-central-1": "763104351884",
    "eu-central-1": "763104351884",
    "eu-west-1": "763104351884",
    "eu-west-2": "763104351884",
    "us-east-1": "763104351884",
    "us-east-2": "763104351884",
    "us-west-2": "763104351884",
}
"""Who owns the registry of AWS Deep Learning Containers, by region.

These are the commercial regions that have AWS IoT Greengrass V2, SageMaker Pipelines and Firehose
together. A region missing here is refused by the settings, before anything is deployed.
"""

REGIONS = tuple(DEEP_LEARNING_CONTAINER_ACCOUNTS)

TRAINING_REPOSITORY = "pytorch-training"
TRAINING_TAG = "2.10.0-cpu-py313"
"""The framework image is used for its Python and its tools; training/ brings its own locked
packages (training/requirements.txt)."""


def training_image(region: str) -> str:
    """The container image that every step of the training pipeline runs in."""
    account = DEEP_LEARNING_CONTAINER_ACCOUNTS[region]
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{TRAINING_REPOSITORY}:{TRAINING_TAG}"


def training_repository_arn(region: str) -> str:
    """The one image repository that a training job may pull from."""
    account = DEEP_LEARNING_CONTAINER_ACCOUNTS[region]
    return f"arn:aws:ecr:{region}:{account}:repository/{TRAINING_REPOSITORY}"
