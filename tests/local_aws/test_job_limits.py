# SPDX-License-Identifier: Apache-2.0
"""Jobs that SageMaker does not create: images that are not there, keys for local disks."""

from __future__ import annotations

from typing import Any

import pytest

from infra.config.regions import training_image
from infra.config.training_machines import MACHINES
from ministack_edge.sagemaker.job_limits import has_own_disk
from tests.local_aws.shell_pipeline import definition

pytestmark = pytest.mark.xdist_group("local-aws-pipelines")


def _changed(**arguments: Any) -> Any:
    def change(steps: dict[str, Any]) -> None:
        steps["Train"]["Arguments"] |= arguments

    return change


def _with_image(image: str) -> Any:
    def change(steps: dict[str, Any]) -> None:
        steps["Train"]["Arguments"]["AlgorithmSpecification"]["TrainingImage"] = image

    return change


AWS = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
CLUSTER = {"InstanceCount": 1, "VolumeSizeInGB": 10, "VolumeKmsKeyId": "key"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with_image("image"), "Invalid image URI image"),
        (_with_image(training_image("eu-west-1")), "path of the docker image in us-east-1"),
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


@pytest.mark.parametrize("gpu", [False, True])
def test_our_images_are_published(finish, gpu):
    change = _with_image(training_image("us-east-1", gpu=gpu))
    execution, _ = finish("real-image", definition(change=change))
    assert execution["PipelineExecutionStatus"] == "Succeeded"


def test_both_sides_agree_on_which_machines_have_disks_of_their_own():
    """Written apart, from different sources."""
    assert {name for name in MACHINES if has_own_disk(name)} == {
        name for name, machine in MACHINES.items() if machine.local_disk
    }
