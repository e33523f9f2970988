# SPDX-License-Identifier: Apache-2.0
"""A resource's own ARN, before and after CloudFormation has made it.

The form of each ARN is that of the service authorization reference. A name that CloudFormation
gives only at creation is the one that it will give; where it makes up an id, a placeholder stands
in for it, so a policy that names ids of its own would be refused here and on AWS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

NEW_ID = "00000000-0000-4000-8000-000000000000"
"""Stands for the id that a service makes up at creation."""

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """One resource of a stack; ``physical_id`` is None before it is created."""

    type: str
    logical_id: str
    stack: str
    properties: Properties
    physical_id: str | None = None

    def name(self, key: str, *, longest: int = 128, generated: str | None = None) -> str:
        """Its name: the physical id, the property, or what CloudFormation will generate."""
        given = self.physical_id or self.properties.get(key)
        if given:
            # Some references are ARNs; the name is their last part.
            return str(given).rsplit(":", 1)[-1] if str(given).startswith("arn:") else str(given)
        if generated:
            return generated
        return str(provisioners._physical_name(self.stack, self.logical_id, max_len=longest))


def arn_of(service: str, resource: str, *, region: bool = True) -> str:
    return f"arn:aws:{service}:{get_region() if region else ''}:{get_account_id()}:{resource}"


def bucket_arn(name: Any) -> str:
    return f"arn:aws:s3:::{name}"


def _last(resource: Resource, key: str, **how: Any) -> str:
    """The name without the kind that some ARNs carry before it."""
    return resource.name(key, **how).rsplit("/", 1)[-1]


def log_group_arns(name: Any) -> list[str]:
    # AWS authorises most calls on the form with `:*`, tagging on the one without.
    return [arn_of("logs", f"log-group:{name}:*"), arn_of("logs", f"log-group:{name}")]


def catalog_names(resource: Resource) -> tuple[str, str]:
    given = resource.properties
    if resource.type == "AWS::Glue::Database":
        name = given.get("DatabaseName") or given.get("DatabaseInput", {}).get("Name")
        return str(resource.physical_id or name or resource.logical_id.lower()), "*"
    table = given.get("Name") or given.get("TableInput", {}).get("Name")
    return str(given.get("DatabaseName")), str(table or resource.logical_id.lower())


def catalog_arns(resource: Resource) -> list[str]:
    database, table = catalog_names(resource)
    found = [arn_of("glue", "catalog"), arn_of("glue", f"database/{database}")]
    if resource.type == "AWS::Glue::Table":
        found.append(arn_of("glue", f"table/{database}/{table}"))
    return found


def component_arn(resource: Resource) -> str:
    if resource.physical_id:
        return resource.physical_id
    if source := resource.properties.get("LambdaFunction"):
        name, version = source.get("ComponentName"), source.get("ComponentVersion")
    else:
        recipe = recipe_of(resource)
        name, version = recipe.get("ComponentName"), recipe.get("ComponentVersion")
    return arn_of("greengrass", f"components:{name}:versions:{version}")


def recipe_of(resource: Resource) -> dict[str, Any]:
    recipe = resource.properties.get("InlineRecipe") or "{}"
    return dict(recipe) if isinstance(recipe, dict) else dict(json.loads(recipe))


def _key_name(resource: Resource) -> str:
    return arn_of("kms", f"key/{_last(resource, '', generated=NEW_ID)}")


def function_arn(resource: Resource) -> str:
    if resource.type == "AWS::Lambda::Version":
        name = str(resource.properties["FunctionName"])
        return name if name.startswith("arn:") else arn_of("lambda", f"function:{name}")
    return arn_of("lambda", f"function:{resource.name('FunctionName', longest=64)}")


def _policy(resource: Resource) -> str:
    if resource.physical_id:
        return resource.physical_id
    path = resource.properties.get("Path") or "/"
    return arn_of("iam", f"policy{path}{resource.name('ManagedPolicyName')}", region=False)


def _role(resource: Resource) -> str:
    path = resource.properties.get("Path") or "/"
    name = _last(resource, "RoleName", longest=64)
    return arn_of("iam", f"role{path}{name}", region=False)


def _roles_of_policy(resource: Resource) -> list[str]:
    names = resource.properties.get("Roles") or []
    return [arn_of("iam", f"role/{name}", region=False) for name in names]


def _topics(resource: Resource) -> list[str]:
    return [str(topic) for topic in resource.properties.get("Topics", [])]


def _queues(resource: Resource) -> list[str]:
    return [arn_of("sqs", str(queue).rsplit("/", 1)[-1]) for queue in resource.properties["Queues"]]


def _named(service: str, form: str, key: str, **how: Any) -> Callable[[Resource], str]:
    return lambda resource: arn_of(service, form.format(_last(resource, key, **how)))


def _permitted(resource: Resource) -> str:
    """The function that a permission is about."""
    name = str(resource.properties["FunctionName"])
    return name if name.startswith("arn:") else arn_of("lambda", f"function:{name}")


def _rule(resource: Resource) -> str:
    """A rule on a bus of its own has that in its ARN."""
    bus = str(resource.properties.get("EventBusName") or "default").rpartition("/")[2]
    name = _last(resource, "Name", longest=64).rpartition("|")[2]
    return arn_of("events", f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")


def _budget(resource: Resource) -> str:
    # A name of its own, or one that CloudFormation gives.
    given = resource.properties["Budget"].get("BudgetName")
    name = resource.physical_id or given or resource.name("", longest=100)
    return f"arn:aws:budgets::{get_account_id()}:budget/{name}"


OWN: Mapping[str, Callable[[Resource], str | list[str]]] = {
    "AWS::Athena::NamedQuery": lambda resource: arn_of(
        "athena", f"workgroup/{resource.properties['WorkGroup']}"
    ),
    "AWS::Athena::WorkGroup": _named("athena", "workgroup/{}", "Name"),
    "AWS::Budgets::Budget": _budget,
    "AWS::CloudWatch::Alarm": _named("cloudwatch", "alarm:{}", "AlarmName"),
    "AWS::CloudWatch::Dashboard": lambda resource: arn_of(
        "cloudwatch", f"dashboard/{_last(resource, 'DashboardName')}", region=False
    ),
    "AWS::DynamoDB::Table": _named("dynamodb", "table/{}", "TableName"),
    "AWS::ECR::Repository": _named("ecr", "repository/{}", "RepositoryName"),
    "AWS::Events::EventBus": _named("events", "event-bus/{}", "Name"),
    "AWS::Events::Rule": _rule,
    "AWS::Glue::Database": catalog_arns,
    "AWS::Glue::Table": catalog_arns,
    "AWS::GreengrassV2::ComponentVersion": component_arn,
    "AWS::GreengrassV2::Deployment": _named("greengrass", "deployments:{}", "", generated=NEW_ID),
    "AWS::IAM::ManagedPolicy": _policy,
    "AWS::IAM::Policy": _roles_of_policy,
    "AWS::IAM::Role": _role,
    "AWS::IoT::Policy": _named("iot", "policy/{}", "PolicyName"),
    "AWS::IoT::ProvisioningTemplate": _named(
        "iot", "provisioningtemplate/{}", "TemplateName", longest=36
    ),
    "AWS::IoT::RoleAlias": _named("iot", "rolealias/{}", "RoleAlias"),
    "AWS::IoT::ThingGroup": lambda resource: arn_of(
        # A thing group's reference is its id; the name is the property.
        "iot",
        f"thinggroup/{resource.properties.get('ThingGroupName') or resource.name('')}",
    ),
    "AWS::IoT::ThingType": lambda resource: arn_of(
        "iot", f"thingtype/{resource.properties.get('ThingTypeName') or resource.name('')}"
    ),
    "AWS::IoT::TopicRule": _named("iot", "rule/{}", "RuleName"),
    "AWS::KMS::Key": _key_name,
    "AWS::KinesisFirehose::DeliveryStream": _named(
        "firehose", "deliverystream/{}", "DeliveryStreamName", longest=64
    ),
    "AWS::Lambda::Function": function_arn,
    "AWS::Lambda::Permission": _permitted,
    "AWS::Lambda::Version": function_arn,
    "AWS::Logs::LogGroup": lambda resource: log_group_arns(
        resource.physical_id or resource.name("LogGroupName")
    ),
    "AWS::Logs::LogStream": lambda resource: arn_of(
        "logs",
        f"log-group:{resource.properties['LogGroupName']}"
        f":log-stream:{resource.name('LogStreamName')}",
    ),
    "AWS::Logs::MetricFilter": lambda resource: log_group_arns(resource.properties["LogGroupName"]),
    "AWS::S3::Bucket": lambda resource: bucket_arn(resource.name("BucketName", longest=63).lower()),
    "AWS::S3::BucketPolicy": lambda resource: bucket_arn(resource.properties["Bucket"]),
    "AWS::SNS::Subscription": lambda resource: str(resource.properties["TopicArn"]),
    "AWS::SNS::Topic": _named("sns", "{}", "TopicName"),
    "AWS::SNS::TopicPolicy": _topics,
    "AWS::SQS::Queue": _named("sqs", "{}", "QueueName", longest=80),
    "AWS::SQS::QueuePolicy": _queues,
    "AWS::SSM::Parameter": lambda resource: arn_of(
        "ssm", f"parameter/{resource.name('Name').lstrip('/')}"
    ),
    "AWS::SageMaker::ModelPackageGroup": _named(
        "sagemaker", "model-package-group/{}", "ModelPackageGroupName"
    ),
    "AWS::SageMaker::NotebookInstance": _named(
        "sagemaker", "notebook-instance/{}", "NotebookInstanceName", longest=63
    ),
    "AWS::SageMaker::NotebookInstanceLifecycleConfig": _named(
        "sagemaker",
        "notebook-instance-lifecycle-config/{}",
        "NotebookInstanceLifecycleConfigName",
        longest=63,
    ),
    "AWS::SageMaker::Pipeline": _named("sagemaker", "pipeline/{}", "PipelineName"),
    "AWS::StepFunctions::StateMachine": _named(
        "states", "stateMachine:{}", "StateMachineName", longest=80
    ),
}
"""A type's own ARN, or ARNs where AWS authorises a call on several of them at once."""
