# SPDX-License-Identifier: Apache-2.0
"""A pipeline whose steps are scripts of a line: fast, and able to go wrong in every way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

ROLE = "arn:aws:iam::111111111111:role/training"
IMAGE = "111111111111.dkr.ecr.us-east-1.amazonaws.com/shell:1"
"""An image of one's own: what is in it is not looked at."""
BUCKET = "pipelines-test"
SCORE = {
    "Std:JsonGet": {
        "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"},
        "Path": "score.value",
    }
}
CLUSTER = {"InstanceType": {"Get": "Parameters.Size"}, "InstanceCount": 1, "VolumeSizeInGB": 10}


def shell(script: str) -> dict[str, Any]:
    """An image that runs a script; its arguments follow."""
    return {
        "ImageUri": IMAGE,
        "ContainerEntrypoint": ["/bin/bash", "-c", script, "--"],
        "ContainerArguments": ["--from", "/opt/ml/processing/input/data"],
    }


def processing(name: str, script: str, **more: Any) -> dict[str, Any]:
    """A step that runs a script in a container."""
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": shell(script),
            "ProcessingResources": {"ClusterConfig": CLUSTER},
            "RoleArn": ROLE,
            **more,
        },
    }


def definition(
    *,
    score: float = 0.9,
    evaluate: str | None = None,
    train: str | None = None,
    change: Callable[[dict[str, Any]], object] = lambda _steps: None,
) -> str:
    """prepare -> train -> evaluate -> gate -> register; `change` gets the steps by name."""
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
                        "S3UploadMode": "EndOfJob",
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
                "TrainingImage": IMAGE,
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
            "HyperParameters": {
                "epochs": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Epochs"}]}}
            },
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
            "ResourceConfig": CLUSTER,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
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
                    "S3Output": {
                        "S3Uri": evaluation,
                        "LocalPath": "/opt/ml/processing/evaluation",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    )
    judged["PropertyFiles"] = [
        {"PropertyFileName": "Report", "OutputName": "evaluation", "FilePath": "report.json"}
    ]
    gate: dict[str, Any] = {
        "Name": "Gate",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [
                {
                    "Type": "GreaterThanOrEqualTo",
                    "LeftValue": SCORE,
                    "RightValue": {"Get": "Parameters.Minimum"},
                }
            ],
            "IfSteps": [
                {
                    "Name": "Register",
                    "Type": "RegisterModel",
                    "Arguments": {
                        "ModelPackageGroupName": "gauges",
                        "ModelApprovalStatus": {"Get": "Parameters.Approval"},
                        "InferenceSpecification": {
                            "Containers": [
                                {
                                    "Image": IMAGE,
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
                                "Values": [
                                    "accuracy",
                                    SCORE,
                                    "below",
                                    {"Get": "Parameters.Minimum"},
                                ],
                            }
                        }
                    },
                }
            ],
        },
    }
    [register], [refused] = gate["Arguments"]["IfSteps"], gate["Arguments"]["ElseSteps"]
    change({step["Name"]: step for step in (prepare, training, judged, gate, register, refused)})
    return json.dumps(
        {
            "Version": "2020-12-01",
            "Parameters": [
                {"Name": "Manifest", "Type": "String", "DefaultValue": "readings/manifest.json"},
                {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3},
                {"Name": "Minimum", "Type": "Float", "DefaultValue": 0.5},
                {"Name": "Size", "Type": "String", "DefaultValue": "ml.m5.large"},
                {"Name": "Approval", "Type": "String", "DefaultValue": "PendingManualApproval"},
            ],
            "Steps": [prepare, training, judged, gate],
        }
    )


def steps_of(sagemaker: Any, arn: str) -> dict[str, Any]:
    """The steps of an execution by name, the latest first."""
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    return {step["StepName"]: step for step in steps["PipelineExecutionSteps"]}
