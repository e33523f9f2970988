# SPDX-License-Identifier: Apache-2.0
"""SageMaker pipelines: real processes, real gate, real failure reasons."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from edge_testing.helpers import alive
from edge_testing.shell_pipeline import BUCKET, ROLE, definition, steps_of

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-pipelines")


def test_a_good_model_is_registered_from_what_the_steps_made(sagemaker, finish, client):
    execution, steps = finish("good", definition(), Epochs="7")

    assert execution["PipelineExecutionStatus"] == "Succeeded", (execution, steps)
    assert list(steps) == ["Register", "Gate", "Evaluate", "Train", "Prepare"]
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    assert steps["Gate"]["Metadata"]["Condition"]["Outcome"] == "True"
    package = sagemaker.describe_model_package(
        ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    listed = sagemaker.list_model_packages(
        ModelPackageGroupName=package["ModelPackageGroupName"], SortBy="CreationTime"
    )["ModelPackageSummaryList"]
    # Other tests of this session may have registered models before.
    assert package["ModelPackageVersion"] == listed[0]["ModelPackageVersion"] == len(listed)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    url = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    bucket, _, key = url.removeprefix("s3://").partition("/")
    assert client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    run_id = execution["PipelineExecutionArn"].rpartition("/")[2]
    listed = client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"runs/{run_id}/prepared/")
    keys = [item["Key"] for item in listed["Contents"]]
    assert keys == [f"runs/{run_id}/prepared/glass/a.txt"]


def test_the_metrics_and_the_log_of_a_training_job_are_kept(sagemaker, aws, client):
    job = sagemaker.list_training_jobs()["TrainingJobSummaries"][0]["TrainingJobName"]
    described = sagemaker.describe_training_job(TrainingJobName=job)
    metrics = {item["MetricName"]: item["Value"] for item in described["FinalMetricDataList"]}
    assert metrics == {"loss": 0.25}
    arn = sagemaker.list_pipeline_executions(PipelineName="good")["PipelineExecutionSummaries"][0]
    run_id = arn["PipelineExecutionArn"].rpartition("/")[2]
    assert "loss=0.25" in (aws.job_folder("good", run_id, "Train") / "log.txt").read_text()
    events = client("logs").get_log_events(
        logGroupName="/aws/sagemaker/PipelineSteps", logStreamName=f"{run_id}/Train"
    )["events"]
    assert [event["message"] for event in events] == ["loss=0.25"]


def test_the_gate_refuses_a_weak_model_with_the_reason_of_the_fail_step(finish):
    execution, steps = finish("weak", definition(score=0.3))

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "Register" not in steps
    assert steps["TooWeak"]["StepStatus"] == "Failed"
    assert steps["TooWeak"]["FailureReason"] == "accuracy 0.3 below 0.5"


def test_a_failing_step_says_what_the_container_said(finish):
    execution, steps = finish(
        "broken",
        definition(train="echo to the log; echo one class only > /opt/ml/output/failure; exit 3"),
    )
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Step failure: One or multiple steps failed."
    assert steps["Train"]["FailureReason"] == "AlgorithmError: one class only, exit code: 3"
    assert "Evaluate" not in steps

    _, steps = finish("silent", definition(train="echo first; echo last words; exit 1"))
    assert steps["Train"]["FailureReason"] == "AlgorithmError: first\nlast words, exit code: 1"


def test_a_missing_input_fails_the_step_before_its_process(finish):
    _, steps = finish("missing", definition(), Manifest="nowhere/manifest.json")
    assert "nowhere/manifest.json does not exist" in steps["Prepare"]["FailureReason"]


def test_stop_ends_the_processes_and_what_they_started(sagemaker, until, aws):
    text = definition(train="sleep 300 & echo $! > /opt/ml/output/pid; wait")
    sagemaker.create_pipeline(PipelineName="slow", PipelineDefinition=text, RoleArn=ROLE)
    arn = sagemaker.start_pipeline_execution(PipelineName="slow")["PipelineExecutionArn"]
    folder = aws.job_folder("slow", arn.rpartition("/")[2], "Train")
    pid_file = folder / "opt/ml/output/pid"
    pid = int(until(lambda: pid_file.exists() and pid_file.read_text().strip()))
    with pytest.raises(ClientError, match="running executions"):
        sagemaker.delete_pipeline(PipelineName="slow")

    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)

    until(
        lambda: (
            sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)[
                "PipelineExecutionStatus"
            ]
            == "Stopped"
        )
    )
    assert steps_of(sagemaker, arn)["Train"]["StepStatus"] == "Stopped"
    until(lambda: not alive(pid), what="end of the step's own child")


def test_a_step_gets_a_clean_environment(finish, aws, monkeypatch):
    execution, _ = finish("environment", definition(train="env; exit 1"))
    run_id = execution["PipelineExecutionArn"].rpartition("/")[2]
    lines = (aws.job_folder("environment", run_id, "Train") / "log.txt").read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines if "=" in line)
    assert variables["AWS_ENDPOINT_URL"] == aws.endpoint
    assert variables["SM_CHANNEL_PREPARED"].endswith("/opt/ml/input/data/prepared")
    assert json.loads(variables["SM_HPS"]) == {"epochs": "3"}
    assert not [name for name in variables if name.startswith(("GATEWAY", "MINISTACK", "PYTEST"))]
