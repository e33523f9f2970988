# SPDX-License-Identifier: Apache-2.0
"""Training jobs on several machines: each runs the container, one model comes out."""

from __future__ import annotations

import json
import tarfile
from io import BytesIO
from typing import Any

import pytest

from edge_testing.shell_pipeline import definition

pytestmark = pytest.mark.xdist_group("local-aws-pipelines")

WHO = (
    "cp /opt/ml/input/config/resourceconfig.json "
    '"/opt/ml/model/$(python3 -c "import json; '
    "print(json.load(open('/opt/ml/input/config/resourceconfig.json'))['current_host'])\")\"; "
    "echo epochs > /opt/ml/output/data/epochs-$$; "
)


def _several(count: int) -> Any:
    def change(steps: dict[str, Any]) -> None:
        cluster = steps["Train"]["Arguments"]["ResourceConfig"]
        steps["Train"]["Arguments"]["ResourceConfig"] = {**cluster, "InstanceCount": count}
        steps["Evaluate"]["Arguments"]["AppSpecification"]["ContainerEntrypoint"][2] = (
            'echo \'{"score": {"value": 1}}\' > /opt/ml/processing/evaluation/report.json'
        )

    return change


def test_every_machine_runs_and_knows_the_others(finish, sagemaker, client):
    execution, steps = finish("three-machines", definition(train=WHO, change=_several(3)))
    reasons = {name: step.get("FailureReason") for name, step in steps.items()}
    assert execution["PipelineExecutionStatus"] == "Succeeded", reasons
    name = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job = sagemaker.describe_training_job(TrainingJobName=name)
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=BytesIO(body)) as archive:
        found = {
            member.name: json.load(archive.extractfile(member)) for member in archive.getmembers()
        }
    assert sorted(found) == ["127.0.0.1", "algo-2", "algo-3"]
    for host, resources in found.items():
        assert resources["current_host"] == host
        assert resources["hosts"] == ["127.0.0.1", "algo-2", "algo-3"]
        assert resources["current_instance_type"] == "ml.m5.large"


SECOND_FAILS = (
    'grep -q \'"current_host": "algo-2"\' /opt/ml/input/config/resourceconfig.json || sleep 60; '
    "echo 'no space left' > /opt/ml/output/failure; exit 1"
)


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        ("echo x > /opt/ml/model/model.onnx", "several machines left model/model.onnx"),
        (SECOND_FAILS, "AlgorithmError: no space left, exit code: 1"),
    ],
    ids=["the same file twice", "one machine fails"],
)
def test_what_fails_on_several_machines_says_why(finish, train, reason):
    _, steps = finish("two-machines", definition(train=train, change=_several(2)))
    assert reason in steps["Train"]["FailureReason"]
