# SPDX-License-Identifier: Apache-2.0
"""An upload that starts no training says so, and how to start it."""

import boto3
import pytest
from botocore.stub import Stubber

from tools.upload_dataset import NotStartedError, await_start

PIPELINE = "binsight-dev-training"
ARN = f"arn:aws:sagemaker:us-east-1:111111111111:pipeline/{PIPELINE}/execution/"
URI = "s3://bucket/trash/manifest.json"


@pytest.fixture
def sagemaker():
    client = boto3.client(
        "sagemaker",
        region_name="us-east-1",
        aws_access_key_id="111111111111",
        aws_secret_access_key="none",
    )
    with Stubber(client) as stubber:
        yield client, stubber


def listing(*names):
    summaries = [{"PipelineExecutionArn": f"{ARN}{name}"} for name in names]
    return {"PipelineExecutionSummaries": summaries}


def test_the_execution_that_is_new_is_the_one(sagemaker):
    client, stubber = sagemaker
    for names in (("old",), ("new", "old")):
        stubber.add_response("list_pipeline_executions", listing(*names))
    found = await_start(client, PIPELINE, {f"{ARN}old"}, uri=URI, seconds=5)
    assert found == f"{ARN}new"
    stubber.assert_no_pending_responses()


def test_no_execution_is_told_with_what_announces_the_manifest_again(sagemaker):
    client, stubber = sagemaker
    stubber.add_response("list_pipeline_executions", listing("old"))
    with pytest.raises(NotStartedError) as caught:
        await_start(client, PIPELINE, {f"{ARN}old"}, uri=URI, seconds=0)
    assert f"aws s3 cp {URI} {URI} --metadata-directive REPLACE" in str(caught.value)
