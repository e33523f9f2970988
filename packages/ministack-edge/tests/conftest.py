# SPDX-License-Identifier: Apache-2.0
"""One local AWS for all of these tests, on a free port, with clients for an account of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from edge_testing.shell_pipeline import BUCKET, ROLE, steps_of
from ministack_edge.process import LocalAws, free_port

ACCOUNT = "111111111111"
REGION = "us-east-1"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(
        port=free_port(),
        mqtt_port=free_port(),
        work=tmp_path_factory.mktemp("local-aws"),
        enforce=False,
    ) as running:
        yield running


@pytest.fixture(scope="session")
def client(aws: LocalAws) -> Callable[..., Any]:
    """A boto3 client by service; account and region may be chosen."""
    known: dict[tuple[str, str, str], Any] = {}

    def make(service: str, *, account: str = ACCOUNT, region: str = REGION) -> Any:
        key = (service, account, region)
        if key not in known:
            known[key] = boto3.client(
                service,
                endpoint_url=aws.endpoint,
                aws_access_key_id=account,
                aws_secret_access_key="local",
                region_name=region,
                config=Config(retries={"max_attempts": 1}),
            )
        return known[key]

    return make


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Wait for a condition to give something true, and return that."""

    def wait(condition: Callable[[], Any], *, seconds: float = 90.0, what: str = "") -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what or condition}")

    return wait


@pytest.fixture(scope="module")
def sagemaker(client: Any) -> Any:
    """SageMaker with a dataset and a model package group."""
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="readings/glass/a.txt", Body=b"green glass")
    s3.put_object(Bucket=BUCKET, Key="readings/glass/left-out.txt", Body=b"not in the manifest")
    manifest = [{"prefix": f"s3://{BUCKET}/readings/"}, "glass/a.txt"]
    s3.put_object(Bucket=BUCKET, Key="readings/manifest.json", Body=json.dumps(manifest))
    service = client("sagemaker")
    groups = service.list_model_package_groups()["ModelPackageGroupSummaryList"]
    # Other tests of the same local AWS may have left groups of their own.
    if "gauges" not in {group["ModelPackageGroupName"] for group in groups}:
        service.create_model_package_group(ModelPackageGroupName="gauges")
    return service


@pytest.fixture(scope="module")
def finish(sagemaker: Any, until: Any) -> Callable[..., Any]:
    """Create the pipeline where it is new, start, wait: the execution and its steps by name."""

    def run(name: str, text: str, **parameters: str) -> tuple[Any, dict[str, Any]]:
        known = sagemaker.list_pipelines(PipelineNamePrefix=name)["PipelineSummaries"]
        change = sagemaker.update_pipeline if known else sagemaker.create_pipeline
        change(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)
        arn = sagemaker.start_pipeline_execution(
            PipelineName=name,
            PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
        )["PipelineExecutionArn"]

        def ended() -> Any:
            execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return None if execution["PipelineExecutionStatus"] == "Executing" else execution

        execution = until(ended, what=f"end of {name}")
        return execution, steps_of(sagemaker, arn)

    return run
