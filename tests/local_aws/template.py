# SPDX-License-Identifier: Apache-2.0
"""A small Binsight as a template: every type and property that the local AWS adds to ministack."""

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
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": ["/bin/bash", "-c", script, "--"],
                "ContainerArguments": [{"Get": "Parameters.Manifest"}],
            },
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "said",
                        "S3Output": {"S3Uri": said, "LocalPath": "/opt/ml/processing/out"},
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


def template(*, days: int = 30, message: str = "first", component: str = "1.0.0") -> str:
    """The whole stack; the arguments are what an update changes."""
    detections = "SELECT * FROM 'stack/+/detections' WHERE schema = 1 AND thing = topic(2)"
    resources: dict[str, Any] = {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"EnableKeyRotation": True, "KeyPolicy": {}},
        },
        "Dataset": {"Type": "AWS::S3::Bucket", "Properties": bucket(days=days)},
        "Emptied": {
            "Type": "Custom::S3AutoDeleteObjects",
            "Properties": {"ServiceToken": "unused", "BucketName": {"Ref": "Dataset"}},
        },
        "Models": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": "stack-models"},
        },
        "Training": {
            "Type": "AWS::SageMaker::Pipeline",
            "Properties": {
                "PipelineName": "stack-training",
                "RoleArn": ROLE,
                "PipelineDefinition": {"PipelineDefinitionBody": pipeline(message=message)},
            },
        },
        "NewManifest": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": {
                        "bucket": {"name": [{"Ref": "Dataset"}]},
                        "object": {"key": [{"suffix": "/manifest.json"}]},
                    },
                },
                "Targets": [
                    {
                        "Id": "Pipeline",
                        "Arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/stack-training",
                        "RoleArn": ROLE,
                        "SageMakerPipelineParameters": {
                            "PipelineParameterList": [
                                {"Name": "Manifest", "Value": "$.detail.object.key"}
                            ]
                        },
                    }
                ],
            },
        },
        "Rollout": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": "stack-rollout",
                "RoleArn": ROLE,
                "DefinitionString": json.dumps(
                    {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
                ),
            },
        },
        "Approved": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Model Package State Change"],
                    "detail": {"ModelApprovalStatus": ["Approved"]},
                },
                "Targets": [{"Id": "Rollout", "Arn": {"Ref": "Rollout"}, "RoleArn": ROLE}],
            },
        },
        "Group": {
            "Type": "AWS::IoT::ThingGroup",
            "Properties": {"ThingGroupName": "stack-cameras"},
        },
        "Alias": {
            "Type": "AWS::IoT::RoleAlias",
            "Properties": {
                "RoleAlias": "stack-cameras",
                "RoleArn": ROLE,
                "CredentialDurationSeconds": 900 + days,
            },
        },
        "Component": {
            "Type": "AWS::GreengrassV2::ComponentVersion",
            "Properties": {"InlineRecipe": recipe(component)},
            "UpdateReplacePolicy": "Retain",
        },
        "Runtime": {
            "Type": "AWS::GreengrassV2::Deployment",
            "Properties": {
                "TargetArn": {"Fn::GetAtt": ["Group", "Arn"]},
                "Components": {
                    "stack.Component": {
                        "ComponentVersion": {"Fn::GetAtt": ["Component", "ComponentVersion"]},
                        "ConfigurationUpdate": {"Merge": '{"a": 1}'},
                    }
                },
                "DeploymentPolicies": {"FailureHandlingPolicy": "ROLLBACK"},
            },
        },
        "Errors": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "stack-errors"}},
        "Latest": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "stack-latest",
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "thing", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "thing", "AttributeType": "S"}],
            },
        },
        "Stream": {
            "Type": "AWS::KinesisFirehose::DeliveryStream",
            "Properties": {
                "DeliveryStreamName": "stack-stream",
                "DeliveryStreamType": "DirectPut",
                "ExtendedS3DestinationConfiguration": {
                    "BucketARN": {"Fn::GetAtt": ["Dataset", "Arn"]},
                    "RoleARN": ROLE,
                    "CompressionFormat": "GZIP",
                    "Prefix": "detections/date=!{timestamp:yyyy-MM-dd}/",
                    "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
                },
            },
        },
        "Archive": rule(
            detections,
            {
                "Firehose": {
                    "DeliveryStreamName": {"Ref": "Stream"},
                    "RoleArn": ROLE,
                    "Separator": "\n",
                }
            },
            {"DynamoDBv2": {"PutItem": {"TableName": {"Ref": "Latest"}}, "RoleArn": ROLE}},
            {
                "S3": {
                    "BucketName": {"Ref": "Dataset"},
                    "Key": "raw/${topic(2)}/${sequence}.json",
                    "RoleArn": ROLE,
                }
            },
        ),
        "Problems": rule(
            "SELECT * FROM 'stack/+/telemetry' WHERE regexp_matches(problem, '.+')",
            {
                "CloudwatchMetric": {
                    "MetricNamespace": "Stack",
                    "MetricName": "Problems",
                    "MetricValue": "1",
                    "MetricUnit": "Count",
                    "RoleArn": ROLE,
                }
            },
            {"Firehose": {"DeliveryStreamName": "not-there", "RoleArn": ROLE}},
        ),
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": "stack-problems",
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "EvaluationPeriods": 1,
                "Threshold": 2,
                "Metrics": [
                    {
                        "Id": name,
                        "ReturnData": False,
                        "MetricStat": {
                            "Metric": {"Namespace": "Stack", "MetricName": metric},
                            "Period": 300,
                            "Stat": "Sum",
                        },
                    }
                    for name, metric in (("a", "Problems"), ("b", "Never"))
                ]
                + [{"Id": "total", "Expression": "FILL(a, 0) + FILL(b, 0)"}],
            },
        },
    }
    return json.dumps(
        {
            "Resources": resources,
            "Outputs": {
                "Deployment": {"Value": {"Ref": "Runtime"}},
                "Component": {"Value": {"Ref": "Component"}},
                "Models": {"Value": {"Ref": "Models"}},
                "Pipeline": {"Value": {"Ref": "Training"}},
                "AliasArn": {"Value": {"Fn::GetAtt": ["Alias", "RoleAliasArn"]}},
            },
        }
    )
