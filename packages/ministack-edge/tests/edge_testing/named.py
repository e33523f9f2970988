# SPDX-License-Identifier: Apache-2.0
"""A resource of each type that a template can name."""

from __future__ import annotations

import json
from typing import Any

ACCOUNT = "555555555555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
RECIPE = {
    "RecipeFormatVersion": "2020-01-25",
    "ComponentName": "taken",
    "ComponentVersion": "1.0.0",
    "Manifests": [{"Lifecycle": {"run": "true"}}],
}
BODY = {
    "Parameters": {"SerialNumber": {"Type": "String"}},
    "Resources": {
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {
                "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                "Status": "Active",
            },
        }
    },
}
STEPS = {
    "Version": "2020-12-01",
    "Steps": [{"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}],
}
NAMED: dict[str, dict[str, Any]] = {
    "AWS::Athena::WorkGroup": {"Name": "taken"},
    "AWS::CloudWatch::Dashboard": {"DashboardName": "taken", "DashboardBody": "{}"},
    "AWS::DynamoDB::Table": {
        "TableName": "taken",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
    },
    "AWS::Events::EventBus": {"Name": "taken"},
    "AWS::Glue::Database": {
        "CatalogId": ACCOUNT,
        "DatabaseName": "taken",
        "DatabaseInput": {"Name": "taken"},
    },
    "AWS::GreengrassV2::ComponentVersion": {"InlineRecipe": json.dumps(RECIPE)},
    "AWS::IAM::Role": {
        "RoleName": "taken",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
    },
    "AWS::IoT::Policy": {
        "PolicyName": "taken",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": []},
    },
    "AWS::IoT::ProvisioningTemplate": {
        "TemplateName": "taken",
        "ProvisioningRoleArn": ROLE,
        "TemplateBody": json.dumps(BODY),
    },
    "AWS::IoT::RoleAlias": {"RoleAlias": "taken", "RoleArn": ROLE},
    "AWS::IoT::ThingGroup": {"ThingGroupName": "taken"},
    "AWS::IoT::ThingType": {"ThingTypeName": "taken"},
    "AWS::IoT::TopicRule": {
        "RuleName": "taken",
        "TopicRulePayload": {"Sql": "SELECT * FROM 'a'", "Actions": []},
    },
    "AWS::Lambda::Function": {
        "FunctionName": "taken",
        "Role": ROLE,
        "Handler": "index.handler",
        "Runtime": "python3.13",
        "Code": {"ZipFile": "def handler(event, context): pass"},
    },
    "AWS::Logs::LogGroup": {"LogGroupName": "taken"},
    "AWS::SQS::Queue": {"QueueName": "taken"},
    "AWS::SageMaker::ModelPackageGroup": {"ModelPackageGroupName": "taken"},
    "AWS::SageMaker::Pipeline": {
        "PipelineName": "taken",
        "RoleArn": ROLE,
        "PipelineDefinition": {"PipelineDefinitionBody": json.dumps(STEPS)},
    },
}
"""A resource of each type that a template can name."""
