# SPDX-License-Identifier: Apache-2.0
"""A gateway that sends vibration readings of machines: an app of another kind, for the tests.

Readings come by MQTT; a rule keeps the latest of each machine in a table and every one in a bucket.
A pipeline condenses what is in the bucket. The gateway runs a Greengrass component. A function
answers with the latest reading, or would: its role may write to the table and not read from it.
"""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_greengrassv2 as greengrass
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

HANDLER = """
import os
import boto3

def handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    if "value" in event:
        table.put_item(Item={"machine": event["machine"], "value": event["value"]})
        return "kept"
    return table.get_item(Key={"machine": event["machine"]})["Item"]["value"]
"""
CONDENSE = "grep -l value $0/readings/* | wc -l > $0/summary/count.txt"
RECIPE: dict[str, Any] = {
    "RecipeFormatVersion": "2020-01-25",
    "ComponentName": "example.Vibration",
    "ComponentVersion": "1.0.0",
    "ComponentPublisher": "example",
    "ComponentConfiguration": {"DefaultConfiguration": {"hertz": 400}},
    "Manifests": [{"Platform": {"os": "linux"}, "Lifecycle": {"run": "sleep infinity"}}],
}


class Gateway(cdk.Stack):
    """Everything of one site."""

    def __init__(self, scope: cdk.App, name: str, **more: Any) -> None:
        super().__init__(scope, name, **more)
        self.bucket = s3.Bucket(
            self,
            "Readings",
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.table = dynamodb.Table(
            self,
            "Latest",
            partition_key=dynamodb.Attribute(name="machine", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        cdk.CfnOutput(self, "Bucket", value=self.bucket.bucket_name)
        cdk.CfnOutput(self, "Table", value=self.table.table_name)
        self._rule()
        self._function()
        self._component()
        self._pipeline()

    def _rule(self) -> None:
        role = iam.Role(self, "Rule", assumed_by=iam.ServicePrincipal("iot.amazonaws.com"))
        self.bucket.grant_put(role)
        self.table.grant(role, "dynamodb:PutItem")
        iot.CfnTopicRule(
            self,
            "Keep",
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                sql="SELECT *, topic(2) AS machine FROM 'plant/+/vibration'",
                aws_iot_sql_version="2016-03-23",
                actions=[
                    iot.CfnTopicRule.ActionProperty(
                        dynamo_d_bv2=iot.CfnTopicRule.DynamoDBv2ActionProperty(
                            role_arn=role.role_arn,
                            put_item=iot.CfnTopicRule.PutItemInputProperty(
                                table_name=self.table.table_name
                            ),
                        )
                    ),
                    iot.CfnTopicRule.ActionProperty(
                        s3=iot.CfnTopicRule.S3ActionProperty(
                            role_arn=role.role_arn,
                            bucket_name=self.bucket.bucket_name,
                            key="readings/${topic(2)}/${newuuid()}.json",
                        )
                    ),
                ],
            ),
        ).node.add_dependency(role)

    def _function(self) -> None:
        function = lambda_.Function(
            self,
            "Ask",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(HANDLER),
            environment={"TABLE": self.table.table_name},
            log_group=logs.LogGroup(self, "Log", removal_policy=cdk.RemovalPolicy.DESTROY),
        )
        self.table.grant(function, "dynamodb:PutItem")
        cdk.CfnOutput(self, "Function", value=function.function_name)

    def _component(self) -> None:
        group = iot.CfnThingGroup(self, "Gateways", thing_group_name="gateways")
        component = greengrass.CfnComponentVersion(
            self, "Vibration", inline_recipe=json.dumps(RECIPE)
        )
        deployment = greengrass.CfnDeployment(
            self,
            "Deployment",
            target_arn=group.attr_arn,
            components={
                RECIPE["ComponentName"]: (
                    greengrass.CfnDeployment.ComponentDeploymentSpecificationProperty(
                        component_version=component.attr_component_version
                    )
                )
            },
        )
        cdk.CfnOutput(self, "DeploymentId", value=deployment.attr_deployment_id)

    def _pipeline(self) -> None:
        role = iam.Role(self, "Job", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        self.bucket.grant_read(role)
        self.bucket.grant_put(role)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "cloudwatch:PutMetricData",
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetAuthorizationToken",
                    "ecr:GetDownloadUrlForLayer",
                    "sagemaker:AddTags",
                    "sagemaker:CreateProcessingJob",
                    "sagemaker:DescribeProcessingJob",
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                resources=["*"],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[f"arn:aws:iam::{self.account}:role/{self.stack_name}-Job*"],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )
        where = f"s3://{self.bucket.bucket_name}"
        step = {
            "Name": "Condense",
            "Type": "Processing",
            "Arguments": {
                "RoleArn": role.role_arn,
                "ProcessingResources": {
                    "ClusterConfig": {
                        "InstanceType": "ml.t3.medium",
                        "InstanceCount": 1,
                        "VolumeSizeInGB": 5,
                    }
                },
                "AppSpecification": {
                    "ImageUri": f"{self.account}.dkr.ecr.{self.region}.amazonaws.com/condense:1",
                    "ContainerEntrypoint": ["/bin/sh", "-c", CONDENSE, "/opt/ml/processing"],
                },
                "ProcessingInputs": [
                    {
                        "InputName": "readings",
                        "S3Input": {
                            "S3Uri": f"{where}/readings/pump",
                            "LocalPath": "/opt/ml/processing/readings",
                            "S3DataType": "S3Prefix",
                            "S3InputMode": "File",
                        },
                    }
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [
                        {
                            "OutputName": "summary",
                            "S3Output": {
                                "S3Uri": f"{where}/summary",
                                "LocalPath": "/opt/ml/processing/summary",
                                "S3UploadMode": "EndOfJob",
                            },
                        }
                    ]
                },
            },
        }
        pipeline = sagemaker.CfnPipeline(
            self,
            "Condense",
            pipeline_name="condense",
            role_arn=role.role_arn,
            pipeline_definition={
                "PipelineDefinitionBody": self.to_json_string(
                    {"Version": "2020-12-01", "Parameters": [], "Steps": [step]}
                )
            },
        )
        pipeline.node.add_dependency(role)


app = cdk.App()
Gateway(app, "gateway", env=cdk.Environment(account="333333333333", region="eu-west-1"))
app.synth()
