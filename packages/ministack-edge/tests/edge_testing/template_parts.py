# SPDX-License-Identifier: Apache-2.0
"""What the stack of template.py is made of."""

from __future__ import annotations

import json
from typing import Any

ACCOUNT, REGION = "111111111111", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


def pipeline(*, message: str) -> str:
    """A pipeline that writes a message and the key it was started with, then registers a model."""
    run = {"Get": "Execution.PipelineExecutionId"}
    said = {"Std:Join": {"On": "/", "Values": ["s3://stack-dataset", "said", run]}}
    script = f"printf '%s %s' '{message}' \"$1\" > /opt/ml/processing/out/said.txt"
    step = {
        "Name": "Say",
        "Type": "Processing",
        "Arguments": {
            "RoleArn": ROLE,
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType": "ml.m5.large",
                    "VolumeSizeInGB": 30,
                }
            },
            "AppSpecification": {
                "ImageUri": "111111111111.dkr.ecr.us-east-1.amazonaws.com/shell:1",
                "ContainerEntrypoint": ["/bin/bash", "-c", script, "--"],
                "ContainerArguments": [{"Get": "Parameters.Manifest"}],
            },
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "said",
                        "S3Output": {
                            "S3Uri": said,
                            "LocalPath": "/opt/ml/processing/out",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
        },
    }
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "DependsOn": ["Say"],
        "Arguments": {"ModelPackageGroupName": "stack-models", "ModelApprovalStatus": "Approved"},
    }
    parameters = [{"Name": "Manifest", "Type": "String"}]
    return json.dumps(
        {"Version": "2020-12-01", "Parameters": parameters, "Steps": [step, register]}
    )


def recipe(version: str) -> str:
    """A component without artifacts."""
    return json.dumps(
        {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": "stack.Component",
            "ComponentVersion": version,
            "Manifests": [{"Platform": {"os": "linux", "runtime": "*"}, "Artifacts": []}],
        }
    )


def bucket(*, days: int) -> dict[str, Any]:
    """The dataset bucket with all that ministack alone drops."""
    return {
        "BucketName": "stack-dataset",
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "BucketKeyEnabled": True,
                    "ServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]},
                    },
                }
            ]
        },
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": "Tidy",
                    "Status": "Enabled",
                    "ExpirationInDays": days,
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                }
            ]
        },
        "LoggingConfiguration": {"LogFilePrefix": "logs/"},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        "VersioningConfiguration": {"Status": "Enabled"},
        "Tags": [{"Key": "aws-cdk:auto-delete-objects", "Value": "true"}],
    }


def rule(sql: str, *actions: dict[str, Any]) -> dict[str, Any]:
    """An IoT rule whose failures go to the log group."""
    return {
        "Type": "AWS::IoT::TopicRule",
        "Properties": {
            "TopicRulePayload": {
                "Sql": sql,
                "AwsIotSqlVersion": "2016-03-23",
                "RuleDisabled": False,
                "Actions": list(actions),
                "ErrorAction": {
                    "CloudwatchLogs": {"LogGroupName": {"Ref": "Errors"}, "RoleArn": ROLE}
                },
            }
        },
    }
