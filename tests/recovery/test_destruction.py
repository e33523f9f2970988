# SPDX-License-Identifier: Apache-2.0
"""A destroy that something is in the way of says so first, and goes on where it stopped."""

import time
from typing import Any

import pytest

from rehearsal.errors import RehearsalError
from tests.recovery.production import Production

KEPT = {
    "AWS::DynamoDB::Table": 2,
    "AWS::Glue::Database": 1,
    "AWS::IoT::ThingGroup": 3,
    "AWS::IoT::ThingType": 1,
    "AWS::KMS::Key": 1,
    "AWS::Logs::LogGroup": 9,
    "AWS::S3::Bucket": 5,
    "AWS::SageMaker::ModelPackageGroup": 1,
}
"""README, "What `make destroy` keeps"."""
CAMERA = "binsight-prod-7"


@pytest.fixture(scope="module")
def busy(deployed: Production) -> Production:
    """A training that runs, a camera, and a claim certificate; the tests take them away again."""
    cloud = deployed.cloud(deployed.copy)
    deployed.order("failures", {"StepName": "Prepare", "Code": "CapacityError", "Times": 99})
    deployed.execution = cloud.client("sagemaker").start_pipeline_execution(
        PipelineName=cloud.outputs()["PipelineName"],
        PipelineParameters=[
            {"Name": "DatasetManifest", "Value": "none/manifest.json"},
            {"Name": "DatasetVersion", "Value": "1"},
        ],
    )["PipelineExecutionArn"]
    iot = cloud.client("iot")
    iot.create_thing(thingName=CAMERA, thingTypeName=cloud.outputs()["ThingType"])
    deployed.claim = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.attach_policy(policyName=cloud.outputs()["ClaimPolicy"], target=deployed.claim)
    return deployed


def client(production: Production, service: str) -> Any:
    return production.cloud(production.copy).client(service)


def kept(production: Production) -> dict[str, int]:
    """How much of each type is there, without keys of failed creations that wait for their end."""
    found = production.present()
    keys = found.pop("AWS::KMS::Key")
    live = sum(key.endswith(" Enabled") for key in keys)
    return {**{kind: len(names) for kind, names in found.items()}, "AWS::KMS::Key": live}


def test_everything_in_the_way_is_told_at_once_and_nothing_is_deleted(busy: Production) -> None:
    before = busy.present()
    told = busy.tool("before_destroy")
    assert told.returncode == 1
    assert "nothing was deleted; resolve these 4 first" in told.stderr
    assert f"--pipeline-execution-arn {busy.execution}" in told.stderr
    assert f"registered cameras, 1: {CAMERA}" in told.stderr
    assert f"--policy-name binsight-prod-claim --target {busy.claim}" in told.stderr
    assert told.stderr.count("--no-enable-termination-protection --stack-name") == 4
    assert busy.present() == before


def test_a_pipeline_that_runs_stops_a_destroy_that_nobody_prepared(busy: Production) -> None:
    client(busy, "iot").delete_thing(thingName=CAMERA)
    busy.unprotect()
    with pytest.raises(RehearsalError, match="running executions"):
        busy.destroy()
    assert busy.stack("Training")["StackStatus"] == "DELETE_FAILED"
    sagemaker = client(busy, "sagemaker")
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=busy.execution)
    deadline = time.monotonic() + 120
    while "training pipeline" in (told := busy.tool("before_destroy").stderr):
        assert time.monotonic() < deadline, told
        time.sleep(0.2)


def test_a_claim_certificate_stops_it_again(busy: Production) -> None:
    with pytest.raises(RehearsalError, match="attached to one or more principals"):
        busy.destroy()
    assert busy.stack("Edge")["StackStatus"] == "DELETE_FAILED"
    told = busy.tool("before_destroy")
    assert "resolve this first" in told.stderr
    assert "binsight-prod-claim is attached to certificates: 1" in told.stderr
    client(busy, "iot").detach_policy(policyName="binsight-prod-claim", target=busy.claim)
    assert busy.tool("before_destroy").returncode == 0


def test_then_it_goes_on_and_keeps_what_the_readme_says(busy: Production) -> None:
    busy.destroy()
    assert kept(busy) == KEPT


def test_a_second_destroy_finds_nothing_to_do(busy: Production) -> None:
    told = busy.tool("before_destroy")
    assert (told.returncode, told.stderr) == (0, "")
    assert "there are no stacks" in told.stdout
    busy.destroy()
    assert kept(busy) == KEPT
