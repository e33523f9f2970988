# SPDX-License-Identifier: Apache-2.0
"""The roles and keys that a resource passes to a service, with the condition keys of the calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import kms

from ministack_edge.enforcement.arns import Resource
from ministack_edge.enforcement.where import where

Call = tuple[str, str, dict[str, Any]]
"""Action, resource, condition keys."""

_ROLE_SERVICES: Mapping[str, str] = {
    "AWS::Events::Rule": "events.amazonaws.com",
    "AWS::Glue::Table": "glue.amazonaws.com",
    "AWS::IoT::ProvisioningTemplate": "iot.amazonaws.com",
    "AWS::IoT::RoleAlias": "credentials.iot.amazonaws.com",
    "AWS::IoT::TopicRule": "iot.amazonaws.com",
    "AWS::KinesisFirehose::DeliveryStream": "firehose.amazonaws.com",
    "AWS::Lambda::Function": "lambda.amazonaws.com",
    "AWS::S3::Bucket": "s3.amazonaws.com",
    "AWS::SNS::Subscription": "sns.amazonaws.com",
    "AWS::SNS::Topic": "sns.amazonaws.com",
    "AWS::SageMaker::NotebookInstance": "sagemaker.amazonaws.com",
    "AWS::SageMaker::Pipeline": "sagemaker.amazonaws.com",
    "AWS::StepFunctions::StateMachine": "states.amazonaws.com",
}
"""The service to which a type passes the roles among its properties: `iam:PassedToService`."""

_KEY_SERVICES: Mapping[str, str] = {
    "AWS::DynamoDB::Table": "dynamodb",
    "AWS::ECR::Repository": "ecr",
    "AWS::KinesisFirehose::DeliveryStream": "firehose",
    "AWS::Lambda::Function": "lambda",
    "AWS::SQS::Queue": "sqs",
    "AWS::SageMaker::NotebookInstance": "sagemaker",
    "AWS::StepFunctions::StateMachine": "states",
}
"""Through which service a type's key is used: `kms:ViaService`."""

_KEY_PATHS: Mapping[str, tuple[str, ...]] = {
    "AWS::DynamoDB::Table": ("SSESpecification.KMSMasterKeyId",),
    "AWS::ECR::Repository": ("EncryptionConfiguration.KmsKey",),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamEncryptionConfigurationInput.KeyARN",),
    "AWS::Lambda::Function": ("KmsKeyArn", "Code.SourceKMSKeyArn"),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    "AWS::SageMaker::NotebookInstance": ("KmsKeyId",),
    "AWS::StepFunctions::StateMachine": ("EncryptionConfiguration.KmsKeyId",),
}


def calls(resource: Resource, action: str) -> list[Call]:
    """The calls by which one action of a type's schema is authorised."""
    service = action.partition(":")[0]
    if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        return list(_policies(resource, action))
    if service == "iam" and not resource.type.startswith("AWS::IAM::"):
        return list(_roles(resource, action))
    if service == "kms" and resource.type != "AWS::KMS::Key":
        return list(_keys(resource, action))
    return [(action, arn, _context(resource, action)) for arn in where(resource, action)]


def _policies(resource: Resource, action: str) -> Iterator[Call]:
    if resource.type == "AWS::IAM::ManagedPolicy":
        policy = where(resource, "iam:GetPolicy")[0]
        for name in resource.properties.get("Roles", []):
            role = f"arn:aws:iam::{get_account_id()}:role/{name}"
            yield action, role, {"iam:PolicyARN": policy}
        return
    for policy in resource.properties.get("ManagedPolicyArns", []):
        yield action, where(resource, "iam:GetRole")[0], {"iam:PolicyARN": policy}


def _roles(resource: Resource, action: str) -> Iterator[Call]:
    service = _ROLE_SERVICES[resource.type]
    for role in sorted(set(_role_arns(resource.properties))):
        yield action, role, {"iam:PassedToService": service} if action == "iam:PassRole" else {}


def _role_arns(value: Any, key: str = "") -> Iterator[str]:
    """Every role among the properties; a policy or a definition is a text, not properties."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _role_arns(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _role_arns(item, key)
    elif isinstance(value, str) and "role" in key.lower() and ":role/" in value:
        yield value


def _keys(resource: Resource, action: str) -> Iterator[Call]:
    context: dict[str, Any] = {
        "kms:ViaService": f"{_KEY_SERVICES[resource.type]}.{get_region()}.amazonaws.com",
        "kms:CallerAccount": get_account_id(),
    }
    if action in ("kms:CreateGrant", "kms:RevokeGrant"):
        context["kms:GrantIsForAWSResource"] = "true"
    for path in _KEY_PATHS[resource.type]:
        value: Any = resource.properties
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value and "alias/aws/" not in str(value):
            record = kms._resolve_key(str(value))
            yield action, str(record["Arn"]) if record else str(value), context


def _context(resource: Resource, action: str) -> dict[str, Any]:
    """Condition keys of a call for the resource itself: its tags, a role's boundary."""
    context: dict[str, Any] = {}
    verb = action.partition(":")[2]
    if verb.startswith(("Create", "Tag", "Put", "AddTags")):
        tags = _tags(resource.properties)
        context |= {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        if tags:
            context["aws:TagKeys"] = sorted(tags)
    boundary = resource.properties.get("PermissionsBoundary")
    if boundary and verb in ("CreateRole", "PutRolePermissionsBoundary"):
        context["iam:PermissionsBoundary"] = boundary
    return context


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    tags = properties.get("Tags") or []
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    return {
        str(tag["Key"]): str(tag.get("Value", ""))
        for tag in tags
        if isinstance(tag, Mapping) and "Key" in tag
    }
