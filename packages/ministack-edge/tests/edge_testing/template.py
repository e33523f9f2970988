# SPDX-License-Identifier: Apache-2.0
"""A template with every type and property that the local AWS adds to ministack."""

from __future__ import annotations

import json
from typing import Any

from edge_testing.template_parts import ACCOUNT, REGION, ROLE, bucket, pipeline, recipe, rule


def template(
    *, name: str = "stack", days: int = 30, message: str = "first", component: str = "1.0.0"
) -> str:
    """The whole stack, everything in it called by ``name``; an update changes the others."""
    resources = {
        **_data(days),
        **_training(message),
        **_edge(days, component),
        **_messages(),
    }
    body = json.dumps(
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
    return body.replace("stack", name)


def _data(days: int) -> dict[str, Any]:
    return {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"EnableKeyRotation": True, "KeyPolicy": {}},
        },
        "Dataset": {"Type": "AWS::S3::Bucket", "Properties": bucket(days=days)},
        "Emptied": {
            "Type": "Custom::S3AutoDeleteObjects",
            "Properties": {"ServiceToken": "unused", "BucketName": {"Ref": "Dataset"}},
        },
    }


def _training(message: str) -> dict[str, Any]:
    return {
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
    }


def _edge(days: int, component: str) -> dict[str, Any]:
    return {
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
    }


def _messages() -> dict[str, Any]:
    detections = "SELECT * FROM 'stack/+/detections' WHERE schema = 1 AND thing = topic(2)"
    return {
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
