# SPDX-License-Identifier: Apache-2.0
"""Upload a folder of photos to the dataset bucket of an environment; the manifest starts training.

Uses the credentials in the environment, as any AWS command does.
"""

import argparse
import sys
import time
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import Settings, load
from tools.account import (
    AccountError,
    describe,
    outputs,
    require_training,
    session_for,
    stack_name,
)
from tools.dataset import Dataset, DatasetError, check_dataset, require_enough, upload
from tools.quotas import QuotaError, check_or_warn
from training.dataset.opening import opened

START_SECONDS = 90.0
"""S3's event and the rule's start take a few seconds."""
_POLL_SECONDS = 3.0


class NotStartedError(Exception):
    """The photos were uploaded, but no training started."""


def main() -> int:
    """Check the folder, find the bucket by the stack's output, upload; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument(
        "--dataset",
        required=True,
        help="class folders, split folders, a Ground Truth manifest or a zip of one",
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave unreadable photos out")
    parser.add_argument(
        "--skip-quotas", action="store_true", help="upload also where the training cannot run yet"
    )
    arguments = parser.parse_args()
    if not arguments.dataset:
        parser.error("DATASET is empty; pass DATASET=folder, a folder of class folders")
    try:
        settings = load(arguments.environment)
        require_training(settings, f"make upload-dataset ENV={settings.training.source}")
        with opened(arguments.dataset) as found:
            for note in found.notes:
                print(f"  {note}", flush=True)
            dataset = check_dataset(found.folder, skip_bad=arguments.skip_bad, called=found.called)
            require_enough(dataset, called=found.called)
            started = _upload(dataset, settings, skip_quotas=arguments.skip_quotas)
    except QuotaError as error:
        print(f"upload-dataset: nothing was uploaded: {error}", file=sys.stderr)
        print("SKIP_QUOTAS=1 uploads anyway.", file=sys.stderr)
        return 1
    except (
        SettingsError,
        AccountError,
        DatasetError,
        NotStartedError,
        BotoCoreError,
        Boto3Error,
        ClientError,
    ) as error:
        print(f"upload-dataset: {error}", file=sys.stderr)
        return 1
    print(f"training: {started}")
    return 0


def _upload(dataset: Dataset, settings: Settings, *, skip_quotas: bool) -> str:
    """Upload and wait for the training; return the ARN of its execution."""
    if dataset.left_out:
        print(f"  {dataset.left_out}", flush=True)
    session = session_for(settings)
    if not skip_quotas:
        print(f"  {check_or_warn(session.client('service-quotas'), settings)}", flush=True)
    bucket = _output(session, stack_name(settings, "Data"), "DatasetBucket")
    pipeline = _output(session, stack_name(settings, "Training"), "PipelineName")
    sagemaker = session.client("sagemaker")
    before = executions(sagemaker, pipeline)
    key = upload(
        session.client("s3"),
        dataset,
        bucket=bucket,
        name=settings.training.dataset,
        progress=lambda text: print(f"  {text}", flush=True),
    )
    print(f"{len(dataset.photos)} photos and s3://{bucket}/{key}; waiting for the training")
    return await_start(sagemaker, pipeline, before, uri=f"s3://{bucket}/{key}")


def executions(sagemaker: Any, pipeline: str) -> set[str]:
    """The latest executions of the pipeline, by ARN."""
    found = sagemaker.list_pipeline_executions(PipelineName=pipeline)
    return {one["PipelineExecutionArn"] for one in found["PipelineExecutionSummaries"]}


def await_start(
    sagemaker: Any, pipeline: str, before: set[str], *, uri: str, seconds: float = START_SECONDS
) -> str:
    """The execution that the manifest started; NotStartedError says how to start one.

    S3 sends events from about five minutes after a bucket's first deployment. What is uploaded
    before that starts nothing.
    """
    deadline = time.monotonic() + seconds
    while True:
        if new := executions(sagemaker, pipeline) - before:
            return new.pop()
        if time.monotonic() >= deadline:
            raise NotStartedError(
                f"the photos are uploaded, but no training started within {seconds:.0f} s. S3 "
                "sends events from about five minutes after a bucket's first deployment. "
                "Wait, then upload the manifest again:\n"
                f"  aws s3 cp {uri} {uri} --metadata-directive REPLACE"
            )
        time.sleep(min(_POLL_SECONDS, seconds / 10))


def _output(session: boto3.Session, stack: str, key: str) -> str:
    """One output of a stack; DatasetError where it is not deployed."""
    described = describe(session, stack)
    if described is None:
        raise DatasetError(f"there is no stack {stack}; deploy the environment first")
    return outputs(described)[key]


if __name__ == "__main__":
    sys.exit(run_command(main))
