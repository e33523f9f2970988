# SPDX-License-Identifier: Apache-2.0
"""Steps that are reused, tried again, interrupted, or replaced by what is at hand."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from typing import Any

import pytest

from edge_testing.shell_pipeline import BUCKET, ROLE, definition, steps_of

pytestmark = pytest.mark.xdist_group("local-aws-pipelines")

CACHED = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P14D"}}


def _cached(steps: dict[str, Any]) -> None:
    for name in ("Prepare", "Train"):
        steps[name].update(CACHED)
    # As in the real pipeline: what the dataset's version is, is said in the environment.
    steps["Prepare"]["Arguments"]["Environment"] = {"SIZE": {"Get": "Parameters.Size"}}


def _order_failures(aws: Any, step: str, code: str, times: int) -> None:
    request = urllib.request.Request(  # noqa: S310 - the local server
        f"{aws.endpoint}/_edge/failures?account=111111111111&region=us-east-1",
        data=json.dumps({"StepName": step, "Code": code, "Times": times}).encode(),
    )
    with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310
        assert reply.status == 200


def test_the_same_work_is_not_done_again(finish, client):
    text = definition(change=_cached)
    first, steps = finish("cached", text)
    assert not any("CacheHitResult" in step for step in steps.values())

    execution, steps = finish("cached", text)

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    reused = {name for name, step in steps.items() if "CacheHitResult" in step}
    assert reused == {"Prepare", "Train"}
    source = steps["Train"]["CacheHitResult"]["SourcePipelineExecutionArn"]
    assert source == first["PipelineExecutionArn"]
    run_id = execution["PipelineExecutionArn"].rpartition("/")[2]
    listed = client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"runs/{run_id}/")
    assert [item["Key"] for item in listed["Contents"]] == [f"runs/{run_id}/evaluation/report.json"]


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ({"Epochs": "4"}, {"Train"}),
        # What Train reads is then in another folder, so it follows.
        ({"Size": "ml.m5.xlarge"}, {"Prepare", "Train"}),
        ({"Minimum": "0.1"}, set()),
    ],
)
def test_what_changed_is_done_again_and_what_follows_from_it(finish, given, again):
    name = f"changed-{'-'.join(given).lower()}"
    finish(name, definition(change=_cached))
    _, steps = finish(name, definition(change=_cached), **given)
    assert {step for step in ("Prepare", "Train") if "CacheHitResult" not in steps[step]} == again


def test_a_result_expires(finish):
    def expiring(steps: dict[str, Any]) -> None:
        steps["Prepare"]["CacheConfig"] = {"Enabled": True, "ExpireAfter": "PT0M"}

    finish("expired", definition(change=expiring))
    _, steps = finish("expired", definition(change=expiring))
    assert "CacheHitResult" not in steps["Prepare"]


def test_what_passes_by_itself_is_tried_again(finish, aws):
    def patient(steps: dict[str, Any]) -> None:
        steps["Train"]["RetryPolicies"] = [
            {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 1, "MaxAttempts": 2},
            {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 1},
        ]

    _order_failures(aws, "Train", "ThrottlingException", 2)
    execution, steps = finish("patient", definition(change=patient))
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert steps["Train"]["AttemptCount"] == 3

    _order_failures(aws, "Train", "CapacityError", 2)
    execution, steps = finish("patient", definition(change=patient))
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert steps["Train"]["FailureReason"] == "CapacityError: ordered for step Train"
    assert steps["Train"]["AttemptCount"] == 2


def test_a_program_that_fails_is_not_tried_again(finish):
    def patient(steps: dict[str, Any]) -> None:
        kinds = ["SageMaker.JOB_INTERNAL_ERROR", "Step.SERVICE_FAULT"]
        steps["Train"]["RetryPolicies"] = [{"ExceptionType": kinds, "MaxAttempts": 5}]

    _, steps = finish("program", definition(train="exit 3", change=patient))
    assert steps["Train"]["AttemptCount"] == 1


def _spot(steps: dict[str, Any]) -> None:
    steps["Train"]["Arguments"].update(
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
        CheckpointConfig={
            "S3Uri": f"s3://{BUCKET}/checkpoints",
            "LocalPath": "/opt/ml/checkpoints",
        },
    )


SLOW_STEP = (
    "cp /opt/ml/input/config/hyperparameters.json /opt/ml/model/model.onnx; "
    'if test -e "$SM_CHECKPOINT_DIR/epoch"; then echo resumed; exit 0; fi; '
    'echo 7 > "$SM_CHECKPOINT_DIR/epoch"; echo $$ > /opt/ml/output/pid; '
    "while :; do sleep 0.1; done"
)


def test_an_interrupted_spot_job_goes_on_from_its_checkpoint(sagemaker, until, aws, client):
    text = definition(train=SLOW_STEP, change=_spot)
    sagemaker.create_pipeline(PipelineName="spot", PipelineDefinition=text, RoleArn=ROLE)
    arn = sagemaker.start_pipeline_execution(PipelineName="spot")["PipelineExecutionArn"]
    folder = aws.job_folder("spot", arn.rpartition("/")[2], "Train")
    pid_file = folder / "opt/ml/output/pid"
    pid = int(until(lambda: pid_file.exists() and pid_file.read_text().strip()))

    os.kill(pid, signal.SIGTERM)

    until(
        lambda: (
            sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)[
                "PipelineExecutionStatus"
            ]
            == "Succeeded"
        )
    )
    log = (folder / "log.txt").read_text()
    assert "the machine was taken back; the job begins anew" in log
    assert log.rstrip().endswith("resumed")
    name = steps_of(sagemaker, arn)["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    described = sagemaker.describe_training_job(TrainingJobName=name)
    states = [item["Status"] for item in described["SecondaryStatusTransitions"]]
    assert states == ["Training", "Interrupted", "Completed"]
    body = client("s3").get_object(Bucket=BUCKET, Key="checkpoints/epoch")["Body"].read()
    assert body == b"7\n"


def test_without_spot_an_ended_job_has_failed(finish):
    _, steps = finish("ended", definition(train="kill -TERM $$; sleep 5"))
    assert "ended by SIGTERM" in steps["Train"]["FailureReason"]
