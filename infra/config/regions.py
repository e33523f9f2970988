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
"""The account that owns the registry of AWS Deep Learning Containers, by region.

These are the commercial regions that have all of AWS IoT Greengrass V2, SageMaker Pipelines and
Firehose. The settings reject any other region before anything is deployed.
"""

REGIONS = tuple(DEEP_LEARNING_CONTAINER_ACCOUNTS)

TRAINING_REPOSITORY = "pytorch"
TRAINING_TAG = "2.13-cpu-amzn2023-sagemaker"
TRAINING_TAG_GPU = "2.13-cu133-amzn2023-sagemaker"
TRAINING_SUPPORTED_UNTIL = "2027-07-20"
"""AWS patches PyTorch 2.13's images until then (their support policy: end of patch). The tags stay
pullable after it.

The image is used for its Python 3.12, its torch 2.13.0 and its tools; training/ brings its other
packages, locked (training/requirements.txt). Its own entry point is not used: it would start
SageMaker's toolkit, which reports to AWS. docs/adr/0012 lists what was checked and where.
"""


def training_image(region: str, *, gpu: bool = False) -> str:
    """The container image of the pipeline's steps; ``gpu`` selects the one with CUDA."""
    account = DEEP_LEARNING_CONTAINER_ACCOUNTS[region]
    tag = TRAINING_TAG_GPU if gpu else TRAINING_TAG
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{TRAINING_REPOSITORY}:{tag}"


def training_repository_arn(region: str) -> str:
    """The one image repository that a training job may pull from."""
    account = DEEP_LEARNING_CONTAINER_ACCOUNTS[region]
    return f"arn:aws:ecr:{region}:{account}:repository/{TRAINING_REPOSITORY}"
