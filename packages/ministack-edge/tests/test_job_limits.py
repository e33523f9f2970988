# SPDX-License-Identifier: Apache-2.0
"""Jobs that SageMaker does not create: images that are not there, keys for local disks."""

from __future__ import annotations

from typing import Any

import pytest

from edge_testing.shell_pipeline import definition
from ministack_edge.sagemaker.job_limits import has_own_disk

pytestmark = pytest.mark.xdist_group("local-aws-pipelines")


def _changed(**arguments: Any) -> Any:
    def change(steps: dict[str, Any]) -> None:
        steps["Train"]["Arguments"] |= arguments

    return change


def _with_image(image: str) -> Any:
    def change(steps: dict[str, Any]) -> None:
        steps["Train"]["Arguments"]["AlgorithmSpecification"]["TrainingImage"] = image

    return change


REGISTRY = "763104351884.dkr.ecr.{}.amazonaws.com"
AWS = REGISTRY.format("us-east-1")
ELSEWHERE = REGISTRY.format("eu-west-1")
CLUSTER = {"InstanceCount": 1, "VolumeSizeInGB": 10, "VolumeKmsKeyId": "key"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with_image("image"), "Invalid image URI image"),
        (
            _with_image(f"{ELSEWHERE}/pytorch:2.13-cpu-amzn2023-sagemaker"),
            "path of the docker image in us-east-1",
        ),
        (_with_image(f"{AWS}/pytorch:2.13-gpu"), f"image {AWS}/pytorch:2.13-gpu not found"),
        (_with_image(f"{AWS}/torch:1"), "Cannot find repository: torch in registry"),
        (
            _changed(ResourceConfig={**CLUSTER, "InstanceType": "ml.g5.xlarge"}),
            "VolumeKmsKeyId can't be requested when using an instance type with local storage",
        ),
    ],
)
def test_a_pipeline_that_could_never_run_is_refused(sagemaker, change, message):
    with pytest.raises(sagemaker.exceptions.ClientError, match=r"ValidationException") as caught:
        sagemaker.create_pipeline(
            PipelineName="refused",
            PipelineDefinition=definition(change=change),
            RoleArn="arn:aws:iam::111111111111:role/training",
        )
    assert message in str(caught.value)


def test_the_machine_that_an_execution_chooses_is_looked_at_when_the_job_is_created(finish):
    size = {"Get": "Parameters.Size"}
    text = definition(change=_changed(ResourceConfig={**CLUSTER, "InstanceType": size}))
    _, steps = finish("chosen-machine", text, Size="ml.p4d.24xlarge")
    assert "local storage: ml.p4d.24xlarge" in steps["Train"]["FailureReason"]
    execution, _ = finish("chosen-machine", text, Size="ml.m5.xlarge")
    assert execution["PipelineExecutionStatus"] == "Succeeded"


@pytest.mark.parametrize("build", ["cpu", "cu133"])
def test_an_image_that_aws_publishes_is_taken(finish, build):
    change = _with_image(f"{AWS}/pytorch:2.13-{build}-amzn2023-sagemaker")
    execution, _ = finish("real-image", definition(change=change))
    assert execution["PipelineExecutionStatus"] == "Succeeded"


@pytest.mark.parametrize(
    ("machine", "own_disk"),
    [
        ("ml.m5.xlarge", False),
        ("ml.m5d.xlarge", True),
        ("ml.g5.xlarge", True),
        ("ml.p3.2xlarge", False),
    ],
)
def test_machines_with_disks_of_their_own_are_known(machine, own_disk):
    assert has_own_disk(machine) is own_disk
