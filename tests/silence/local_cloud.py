# SPDX-License-Identifier: Apache-2.0
"""Starts the local AWS and asks it a few things: ``python -m tests.silence.local_cloud WORK``."""

import sys
from pathlib import Path

from ministack_edge.process import LocalAws
from rehearsal.aws_client import Cloud


def main() -> None:
    """One call to each service that the rehearsal talks to most."""
    with LocalAws(port=4566, work=Path(sys.argv[1]), enforce=False) as aws:
        cloud = Cloud(
            endpoint=aws.endpoint, account="111111111111", region="us-east-1", prefix="silence"
        )
        cloud.client("s3").create_bucket(Bucket="silence")
        cloud.client("iot").create_thing(thingName="silence")
        cloud.client("greengrassv2").list_components()
        cloud.client("sagemaker").list_model_package_groups()
        print(cloud.client("sts").get_caller_identity()["Account"])


if __name__ == "__main__":
    main()
