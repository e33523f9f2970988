# SPDX-License-Identifier: Apache-2.0
"""Quotas of a new account: what a job says that asks for more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from edge_testing.shell_pipeline import ROLE, definition
from ministack_edge.process import LocalAws, free_port
from ministack_edge.sagemaker.quota_names import parse

pytestmark = pytest.mark.xdist_group("local-aws-quotas")

NONE = "ml.m5.xlarge for training job usage=0"
REFUSED = (
    "The account-level service limit 'ml.m5.xlarge for training job usage' is 0 Instances, with "
    "current utilization of 0 Instances and a request delta of 1 Instances."
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Clients of an account that may train on no ml.m5.xlarge, by service."""
    work = tmp_path_factory.mktemp("small-account")
    with LocalAws(port=free_port(), work=work, quota=NONE, enforce=False) as aws:
        yield lambda service: boto3.client(
            service,
            endpoint_url=aws.endpoint,
            aws_access_key_id="111111111111",
            aws_secret_access_key="local",
            region_name="us-east-1",
        )


def test_a_job_above_the_quota_fails_in_the_words_of_aws(small, until):
    sagemaker, s3 = small("sagemaker"), small("s3")
    s3.create_bucket(Bucket="pipelines-test")
    s3.put_object(Bucket="pipelines-test", Key="readings/a.txt", Body=b"glass")
    manifest = b'[{"prefix": "s3://pipelines-test/readings/"}, "a.txt"]'
    s3.put_object(Bucket="pipelines-test", Key="readings/manifest.json", Body=manifest)

    def patient(steps: dict[str, Any]) -> None:
        steps["Train"]["RetryPolicies"] = [
            {"ExceptionType": ["SageMaker.RESOURCE_LIMIT"], "IntervalSeconds": 1, "MaxAttempts": 2}
        ]

    sagemaker.create_pipeline(
        PipelineName="small", PipelineDefinition=definition(change=patient), RoleArn=ROLE
    )
    arn = sagemaker.start_pipeline_execution(
        PipelineName="small", PipelineParameters=[{"Name": "Size", "Value": "ml.m5.xlarge"}]
    )["PipelineExecutionArn"]

    def ended() -> Any:
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return found["PipelineExecutionStatus"] == "Failed"

    until(ended, what="the end of the execution")
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    by_name = {step["StepName"]: step for step in steps["PipelineExecutionSteps"]}
    assert by_name["Prepare"]["StepStatus"] == "Succeeded"  # processing has a quota of its own
    assert REFUSED in by_name["Train"]["FailureReason"]
    assert by_name["Train"]["AttemptCount"] == 3


@pytest.mark.parametrize("text", ["0", "ml.m5.xlarge=0", "ml.x9.large for training job usage=0"])
def test_a_wrong_setting_is_named_with_what_is_allowed(text):
    with pytest.raises(ValueError, match="allowed: '<instance type> for <use> usage=<number>'"):
        parse(text)
    assert parse(f"{NONE}; ml.c5.xlarge for processing job usage = 2") == {
        "ml.m5.xlarge for training job usage": 0,
        "ml.c5.xlarge for processing job usage": 2,
    }
