# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-CFN2: a physical name is given where another system needs it, and from the settings."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template, text

NEEDED = {
    # Cameras, recipes, provisioning and people refer to these by name.
    "AWS::Athena::WorkGroup": "Name",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Events::EventBus": "Name",
    "AWS::Glue::Database": "DatabaseInput.Name",
    "AWS::GreengrassV2::ComponentVersion": "LambdaFunction.ComponentName",
    "AWS::GreengrassV2::Deployment": "DeploymentName",
    "AWS::IoT::Policy": "PolicyName",
    "AWS::IoT::ProvisioningTemplate": "TemplateName",
    "AWS::IoT::RoleAlias": "RoleAlias",
    "AWS::IoT::ThingGroup": "ThingGroupName",
    "AWS::IoT::ThingType": "ThingTypeName",
    "AWS::IoT::TopicRule": "RuleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupName",
    "AWS::SageMaker::Pipeline": "PipelineName",
}
"""Where a name is allowed; it must carry the environment's prefix."""

NOT_NEEDED = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SageMaker::NotebookInstance": "NotebookInstanceName",
    "AWS::SageMaker::NotebookInstanceLifecycleConfig": "NotebookInstanceLifecycleConfigName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
"""Where CloudFormation generates the name."""


def check(template: Template) -> Iterator[Finding]:
    """Unneeded names, and needed names that two environments would share."""
    for resource in template.resources.values():
        key = NEEDED.get(resource.type) or NOT_NEEDED.get(resource.type)
        if key is None:
            continue
        value: Any = resource.properties
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is None:
            continue
        name = text(value)
        if resource.type in NOT_NEEDED:
            yield at(resource, f"Properties.{key}", f"{resource.type} is named {name!r}")
        elif template.prefix and not _carries(name, template.prefix):
            detail = f"{name!r} does not begin with the environment's prefix {template.prefix!r}"
            yield at(resource, f"Properties.{key}", detail)


def _carries(name: str, prefix: str) -> bool:
    # Glue, Athena and IoT rules accept no hyphens.
    return prefix in name or prefix.replace("-", "_") in name


RULE = Rule(
    id="BINSIGHT-CFN2",
    title="Physical names come from the settings, and only where they are needed",
    why="A fixed name blocks a second copy in the account, and after destroy a kept bucket or "
    "table of that name blocks the next deployment.",
    fix="Leave the name out, or build it from settings.prefix where another system needs it.",
    check=check,
)
