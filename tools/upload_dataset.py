# SPDX-License-Identifier: Apache-2.0
"""Upload a folder of photos to the dataset bucket of an environment; the manifest starts training.

Uses the credentials in the environment, as any AWS command does.
"""

import argparse
import sys
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.settings import load
from infra.settings_errors import SettingsError
from tools.dataset import DatasetError, check_dataset, upload


def main() -> int:
    """Check the folder, find the bucket by the stack's output, upload; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument("--dataset", required=True, help="folder of class folders with photos")
    parser.add_argument("--skip-bad", action="store_true", help="leave unreadable photos out")
    arguments = parser.parse_args()
    if not arguments.dataset:
        parser.error("DATASET is empty; pass DATASET=folder, a folder of class folders")
    try:
        settings = load(arguments.environment)
        dataset = check_dataset(Path(arguments.dataset), skip_bad=arguments.skip_bad)
        session = boto3.Session(region_name=settings.region)
        bucket = _dataset_bucket(session, account=settings.account, prefix=settings.prefix)
        key = upload(
            session.client("s3"),
            dataset,
            bucket=bucket,
            name=settings.training.dataset,
            progress=lambda text: print(f"  {text}", flush=True),
        )
    except (SettingsError, DatasetError, BotoCoreError, ClientError) as error:
        print(f"upload-dataset: {error}", file=sys.stderr)
        return 1
    print(f"{len(dataset.photos)} photos and s3://{bucket}/{key}; the pipeline starts by itself")
    return 0


def _dataset_bucket(session: boto3.Session, *, account: str, prefix: str) -> str:
    """The bucket that the data stack made; DatasetError for credentials of another account."""
    found = session.client("sts").get_caller_identity()["Account"]
    if found != account:
        raise DatasetError(f"the credentials are for account {found}, the environment is {account}")
    stack = session.client("cloudformation").describe_stacks(StackName=f"{prefix}-data")
    outputs = stack["Stacks"][0]["Outputs"]
    return str(next(o["OutputValue"] for o in outputs if o["OutputKey"] == "DatasetBucket"))


if __name__ == "__main__":
    sys.exit(main())
