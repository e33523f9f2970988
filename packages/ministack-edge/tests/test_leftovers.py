# SPDX-License-Identifier: Apache-2.0
"""Nothing stays behind: steps and Lambda workers end with the server, however it ends."""

from __future__ import annotations

import io
import json
import os
import signal
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest

from edge_testing.helpers import alive
from ministack_edge.process import LocalAws, free_port

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-leftovers")

ROLE = "arn:aws:iam::111111111111:role/any"
FUNCTION = "import os\ndef handler(event, context):\n    return os.getpid()\n"
# The trap makes a step that does not end when it is asked to.
STUBBORN = "trap '' TERM; sleep 300 & echo $! > /opt/ml/output/pid; while :; do wait; done"


def client(aws: LocalAws, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id="111111111111",
        aws_secret_access_key="local",
    )


def start_step(aws: LocalAws, until: Any, *, script: str) -> int:
    """A pipeline with one step that runs; returns the process id that its script wrote."""
    step = {
        "Name": "Slow",
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {
                "ImageUri": "111111111111.dkr.ecr.us-east-1.amazonaws.com/shell:1",
                "ContainerEntrypoint": ["/bin/bash", "-c", script],
            },
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 10,
                }
            },
            "RoleArn": ROLE,
        },
    }
    sagemaker = client(aws, "sagemaker")
    sagemaker.create_pipeline(
        PipelineName="slow",
        RoleArn=ROLE,
        PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [step]}),
    )
    arn = sagemaker.start_pipeline_execution(PipelineName="slow")["PipelineExecutionArn"]
    folder = aws.job_folder("slow", arn.rpartition("/")[2], "Slow")
    pid_file = folder / "opt/ml/output/pid"
    return int(until(lambda: pid_file.exists() and pid_file.read_text().strip()))


def start_worker(aws: LocalAws) -> int:
    """Invoke a Lambda function; returns the process id of its worker."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", FUNCTION)
    functions = client(aws, "lambda")
    functions.create_function(
        FunctionName="worker",
        Runtime="python3.11",
        Handler="main.handler",
        Role=ROLE,
        Code={"ZipFile": buffer.getvalue()},
    )
    return int(functions.invoke(FunctionName="worker")["Payload"].read())


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_the_server_started_ends_with_it(tmp_path, until, how):
    aws = LocalAws(port=free_port(), work=tmp_path / "a folder", enforce=False).start()
    try:
        server = int(aws.pid_file.read_text())
        started = [
            start_step(
                aws,
                until,
                script=STUBBORN if how == "kill" else STUBBORN.removeprefix("trap '' TERM; "),
            ),
            start_worker(aws),
        ]
        assert all(alive(pid) for pid in started)
        if how == "kill":
            os.kill(server, signal.SIGKILL)
        else:
            aws.stop()
        until(lambda: not any(alive(pid) for pid in started), what=f"end of {started} after {how}")
    finally:
        aws.stop()


def test_a_folder_with_spaces_holds_unquoted_scripts(tmp_path, until):
    work = tmp_path / "my photos & models"
    with LocalAws(port=free_port(), work=work, enforce=False) as aws:
        start_step(aws, until, script="echo $$ > /opt/ml/output/pid")
        written = list(work.glob("jobs/slow/*/Slow/opt/ml/output/pid"))
    assert len(written) == 1
    assert not [link for link in Path("/tmp").glob("local-aws-*") if link.resolve() == work]
