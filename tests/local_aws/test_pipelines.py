# SPDX-License-Identifier: Apache-2.0
"""SageMaker pipelines: real processes, real gate, real failure reasons."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.helpers import alive

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-pipelines")

ROLE = "arn:aws:iam::111111111111:role/training"
BUCKET = "pipelines-test"


def shell(script: str) -> dict[str, Any]:
    return {
        "ImageUri": "image",
        "ContainerEntrypoint": ["/bin/bash", "-c", script, "--"],
        "ContainerArguments": ["--from", "/opt/ml/processing/input/data"],
    }


def processing(name: str, script: str, **more: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": shell(script),
            "ProcessingResources": {"ClusterConfig": {"InstanceType": {"Get": "Parameters.Size"}}},
            "RoleArn": ROLE,
            **more,
        },
    }


def definition(*, score: float = 0.9, evaluate: str | None = None, train: str | None = None) -> str:
    """prepare -> train -> evaluate -> gate -> register, in shell."""
    run = {"Get": "Execution.PipelineExecutionId"}
    key = {"Get": "Parameters.Manifest"}
    manifest = {"Std:Join": {"On": "", "Values": [f"s3://{BUCKET}/", key]}}
    prepared = {"Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}/runs", run, "prepared"]}}
    evaluation = {"Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}/runs", run, "evaluation"]}}
    prepare = processing(
        "Prepare",
        'test "$1" = --from && cp -r "$2"/. /opt/ml/processing/output/prepared/',
        ProcessingInputs=[
            {
                "InputName": "data",
                "S3Input": {
                    "S3Uri": manifest,
                    "LocalPath": "/opt/ml/processing/input/data",
                    "S3DataType": "ManifestFile",
                },
            }
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "prepared",
                    "S3Output": {
                        "S3Uri": prepared,
                        "LocalPath": "/opt/ml/processing/output/prepared",
                    },
                }
            ]
        },
    )
    training = {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": "image",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": [
                    "/bin/bash",
                    "-c",
                    train
                    or "echo loss=0.25; cat /opt/ml/input/data/prepared/glass/a.txt "
                    "/opt/ml/input/config/hyperparameters.json > /opt/ml/model/model.onnx",
                ],
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
            },
            "HyperParameters": {"epochs": {"Get": "Parameters.Epochs"}},
            "InputDataConfig": [
                {
                    "ChannelName": "prepared",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": {
                                "Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['prepared']"
                                ".S3Output.S3Uri"
                            },
                        }
                    },
                }
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "RoleArn": ROLE,
        },
    }
    judged = processing(
        "Evaluate",
        evaluate
        or "tar -xzf /opt/ml/processing/input/model/model.tar.gz -C /opt/ml/processing && "
        "grep -q epochs /opt/ml/processing/model.onnx && "
        f'echo \'{{"score": {{"value": {score}}}}}\' > /opt/ml/processing/evaluation/report.json',
        ProcessingInputs=[
            {
                "InputName": "model",
                "S3Input": {
                    "S3Uri": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
                    "LocalPath": "/opt/ml/processing/input/model",
                    "S3DataType": "S3Prefix",
                },
            }
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "evaluation",
                    "S3Output": {"S3Uri": evaluation, "LocalPath": "/opt/ml/processing/evaluation"},
                }
            ]
        },
    )
    judged["PropertyFiles"] = [
        {"PropertyFileName": "Report", "OutputName": "evaluation", "FilePath": "report.json"}
    ]
    gate = {
        "Name": "Gate",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [
                {
                    "Type": "GreaterThanOrEqualTo",
                    "LeftValue": {
                        "Std:JsonGet": {
                            "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"},
                            "Path": "score.value",
                        }
                    },
                    "RightValue": {"Get": "Parameters.Minimum"},
                }
            ],
            "IfSteps": [
                {
                    "Name": "Register",
                    "Type": "RegisterModel",
                    "Arguments": {
                        "ModelPackageGroupName": "bins",
                        "ModelApprovalStatus": {"Get": "Parameters.Approval"},
                        "InferenceSpecification": {
                            "Containers": [
                                {
                                    "Image": "image",
                                    "ModelDataUrl": {
                                        "Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"
                                    },
                                }
                            ],
                            "SupportedContentTypes": ["image/jpeg"],
                            "SupportedResponseMIMETypes": ["application/json"],
                        },
                    },
                }
            ],
            "ElseSteps": [
                {
                    "Name": "TooWeak",
                    "Type": "Fail",
                    "Arguments": {
                        "ErrorMessage": {
                            "Std:Join": {
                                "On": " ",
                                "Values": ["accuracy below", {"Get": "Parameters.Minimum"}],
                            }
                        }
                    },
                }
            ],
        },
    }
    return json.dumps(
        {
            "Version": "2020-12-01",
            "Parameters": [
                {"Name": "Manifest", "Type": "String", "DefaultValue": "trash/manifest.json"},
                {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3},
                {"Name": "Minimum", "Type": "Float", "DefaultValue": 0.5},
                {"Name": "Size", "Type": "String", "DefaultValue": "ml.m5.large"},
                {"Name": "Approval", "Type": "String", "DefaultValue": "PendingManualApproval"},
            ],
            "Steps": [prepare, training, judged, gate],
        }
    )


@pytest.fixture(scope="module")
def sagemaker(client):
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="trash/glass/a.txt", Body=b"green glass")
    s3.put_object(Bucket=BUCKET, Key="trash/glass/left-out.txt", Body=b"not in the manifest")
    manifest = [{"prefix": f"s3://{BUCKET}/trash/"}, "glass/a.txt"]
    s3.put_object(Bucket=BUCKET, Key="trash/manifest.json", Body=json.dumps(manifest))
    service = client("sagemaker")
    service.create_model_package_group(ModelPackageGroupName="bins")
    return service


@pytest.fixture(scope="module")
def finish(sagemaker, until):
    """Create, start and wait; returns the execution and its steps by name."""

    def run(name: str, text: str, **parameters: str) -> tuple[Any, dict[str, Any]]:
        sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)
        arn = sagemaker.start_pipeline_execution(
            PipelineName=name,
            PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
        )["PipelineExecutionArn"]

        def ended() -> Any:
            execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return None if execution["PipelineExecutionStatus"] == "Executing" else execution

        execution = until(ended, seconds=20, what=f"end of {name}")
        return execution, steps_of(sagemaker, arn)

    return run


def steps_of(sagemaker: Any, arn: str) -> dict[str, Any]:
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    return {step["StepName"]: step for step in steps["PipelineExecutionSteps"]}


def test_a_good_model_is_registered_from_what_the_steps_made(sagemaker, finish, client):
    execution, steps = finish("good", definition(), Epochs="7")

    assert execution["PipelineExecutionStatus"] == "Succeeded", (execution, steps)
    assert list(steps) == ["Register", "Gate", "Evaluate", "Train", "Prepare"]
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    assert steps["Gate"]["Metadata"]["Condition"]["Outcome"] == "True"
    package = sagemaker.describe_model_package(
        ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    assert package["ModelPackageVersion"] == 1
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
    assert steps["TooWeak"]["FailureReason"] == "accuracy below 0.5"


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("2020-12-01", "2021-01-01"), "Unknown pipeline version"),
        (lambda text: text.replace('"Type": "Fail"', '"Type": "Tuning"'), "runs Processing"),
        (lambda text: text.replace("Parameters.Epochs", "Parameters.Nope"), "undeclared"),
        (lambda text: text.replace("Steps.Train.", "Steps.Trian."), "unknown steps: Trian"),
        (lambda text: text[:-1], "Unable to parse"),
    ],
)
def test_a_bad_definition_is_refused_at_once(sagemaker, change, message):
    with pytest.raises(ClientError, match=message):
        sagemaker.create_pipeline(
            PipelineName="bad", PipelineDefinition=change(definition()), RoleArn=ROLE
        )


def test_a_parameter_of_the_wrong_type_or_name_is_refused(sagemaker):
    for name, value, message in (("Epochs", "many", "not of type"), ("Epoch", "1", "it declares")):
        with pytest.raises(ClientError, match=message):
            sagemaker.start_pipeline_execution(
                PipelineName="good", PipelineParameters=[{"Name": name, "Value": value}]
            )


def test_accounts_and_regions_do_not_see_each_other(client):
    for account, region in (("222222222222", "us-east-1"), ("111111111111", "eu-west-1")):
        other = client("sagemaker", account=account, region=region)
        assert other.list_pipelines()["PipelineSummaries"] == []
        assert other.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
