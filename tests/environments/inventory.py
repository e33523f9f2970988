# SPDX-License-Identifier: Apache-2.0
"""Everything in an account and region, asked of each service rather than of CloudFormation."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rehearsal.aws_client import Cloud

Client = Any
Lister = Callable[[Client], Iterator[str]]


def _paged(operation: str, key: str, name: str | None, **given: Any) -> Lister:
    """All pages of an operation; ``name`` is the field that names an item."""

    def names(client: Client) -> Iterator[str]:
        if client.can_paginate(operation):
            pages = client.get_paginator(operation).paginate(**given)
        else:
            pages = [getattr(client, operation)(**given)]
        for page in pages:
            for item in page.get(key) or ():
                yield str(item if name is None else item[name])

    return names


def _stacks(client: Client) -> Iterator[str]:
    for page in client.get_paginator("list_stacks").paginate():
        for item in page["StackSummaries"]:
            if item["StackStatus"] != "DELETE_COMPLETE":
                yield f"{item['StackName']} {item['StackStatus']}"


def _keys(client: Client) -> Iterator[str]:
    for page in client.get_paginator("list_keys").paginate():
        for item in page["Keys"]:
            key = client.describe_key(KeyId=item["KeyId"])["KeyMetadata"]
            yield f"{item['KeyId']} {key['KeyState']}"


def _glue_tables(client: Client) -> Iterator[str]:
    for database in client.get_databases()["DatabaseList"]:
        for item in client.get_tables(DatabaseName=database["Name"])["TableList"]:
            yield f"{database['Name']}.{item['Name']}"


def _versions(client: Client) -> Iterator[str]:
    for function in client.list_functions()["Functions"]:
        name = function["FunctionName"]
        for item in client.list_versions_by_function(FunctionName=name)["Versions"]:
            if item["Version"] != "$LATEST":
                yield f"{name}:{item['Version']}"


LISTERS: Mapping[str, tuple[str, Lister]] = {
    "AWS::CloudFormation::Stack": ("cloudformation", _stacks),
    "AWS::CloudWatch::Alarm": (
        "cloudwatch",
        _paged("describe_alarms", "MetricAlarms", "AlarmName"),
    ),
    "AWS::Athena::WorkGroup": ("athena", _paged("list_work_groups", "WorkGroups", "Name")),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch",
        _paged("list_dashboards", "DashboardEntries", "DashboardName"),
    ),
    "AWS::DynamoDB::Table": ("dynamodb", _paged("list_tables", "TableNames", None)),
    "AWS::Events::Rule": ("events", _paged("list_rules", "Rules", "Name")),
    "AWS::Glue::Database": ("glue", _paged("get_databases", "DatabaseList", "Name")),
    "AWS::Glue::Table": ("glue", _glue_tables),
    "AWS::GreengrassV2::ComponentVersion": (
        "greengrassv2",
        _paged("list_components", "components", "componentName"),
    ),
    "AWS::GreengrassV2::Deployment": (
        "greengrassv2",
        _paged("list_deployments", "deployments", "targetArn", historyFilter="LATEST_ONLY"),
    ),
    "AWS::IAM::ManagedPolicy": (
        "iam",
        _paged("list_policies", "Policies", "PolicyName", Scope="Local"),
    ),
    "AWS::IAM::Role": ("iam", _paged("list_roles", "Roles", "RoleName")),
    "AWS::IoT::Policy": ("iot", _paged("list_policies", "policies", "policyName")),
    "AWS::IoT::ProvisioningTemplate": (
        "iot",
        _paged("list_provisioning_templates", "templates", "templateName"),
    ),
    "AWS::IoT::RoleAlias": ("iot", _paged("list_role_aliases", "roleAliases", None)),
    "AWS::IoT::ThingGroup": ("iot", _paged("list_thing_groups", "thingGroups", "groupName")),
    "AWS::IoT::ThingType": ("iot", _paged("list_thing_types", "thingTypes", "thingTypeName")),
    "AWS::IoT::TopicRule": ("iot", _paged("list_topic_rules", "rules", "ruleName")),
    "AWS::KMS::Alias": ("kms", _paged("list_aliases", "Aliases", "AliasName")),
    "AWS::KMS::Key": ("kms", _keys),
    "AWS::KinesisFirehose::DeliveryStream": (
        "firehose",
        _paged("list_delivery_streams", "DeliveryStreamNames", None),
    ),
    "AWS::Lambda::Function": ("lambda", _paged("list_functions", "Functions", "FunctionName")),
    "AWS::Lambda::Version": ("lambda", _versions),
    "AWS::Logs::LogGroup": ("logs", _paged("describe_log_groups", "logGroups", "logGroupName")),
    "AWS::Logs::MetricFilter": (
        "logs",
        _paged("describe_metric_filters", "metricFilters", "filterName"),
    ),
    "AWS::S3::Bucket": ("s3", _paged("list_buckets", "Buckets", "Name")),
    "AWS::SNS::Topic": ("sns", _paged("list_topics", "Topics", "TopicArn")),
    "AWS::SQS::Queue": ("sqs", _paged("list_queues", "QueueUrls", None)),
    "AWS::SSM::Parameter": ("ssm", _paged("describe_parameters", "Parameters", "Name")),
    "AWS::SageMaker::ModelPackageGroup": (
        "sagemaker",
        _paged(
            "list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"
        ),
    ),
    "AWS::SageMaker::Pipeline": (
        "sagemaker",
        _paged("list_pipelines", "PipelineSummaries", "PipelineName"),
    ),
    "AWS::StepFunctions::StateMachine": (
        "stepfunctions",
        _paged("list_state_machines", "stateMachines", "name"),
    ),
}
"""How the resources of each type are found: the service to ask, and what to ask it."""

PART_OF_ANOTHER = {
    "AWS::Logs::LogStream": "AWS::Logs::LogGroup",
    "AWS::S3::BucketPolicy": "AWS::S3::Bucket",
    "AWS::SNS::TopicPolicy": "AWS::SNS::Topic",
    "AWS::SQS::QueuePolicy": "AWS::SQS::Queue",
    "AWS::Athena::NamedQuery": "AWS::Athena::WorkGroup",
    "AWS::Lambda::Permission": "AWS::Lambda::Function",
    "Custom::EmptiedModelPackageGroup": "AWS::SageMaker::ModelPackageGroup",
    "Custom::S3AutoDeleteObjects": "AWS::S3::Bucket",
}
"""What lives and goes with a resource of the other type."""

Inventory = Mapping[str, frozenset[str]]


def inventory(cloud: Cloud) -> Inventory:
    """The names of all resources of an account and region by type."""
    return {
        kind: frozenset(names(cloud.client(service))) for kind, (service, names) in LISTERS.items()
    }


def added(before: Inventory, after: Inventory) -> dict[str, list[str]]:
    """What is there now and was not before, without types of which nothing is."""
    found = {kind: sorted(names - before[kind]) for kind, names in after.items()}
    return {kind: names for kind, names in found.items() if names}
