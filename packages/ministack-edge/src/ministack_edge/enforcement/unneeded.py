# SPDX-License-Identifier: Apache-2.0
"""What a schema lists and CloudFormation does not call, with the reason.

A schema lists what a type may need with every property set. Whatever is not named here is required.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unneeded:
    """``actions`` (IAM wildcards, by spaces) are required only with one of the properties.

    ``properties`` are names, or paths with dots; none means that nothing makes them required.
    """

    actions: str
    properties: tuple[str, ...]
    reason: str

    def applies(self, action: str, properties: Mapping[str, Any]) -> bool:
        """Whether the action is not required for a resource with these properties."""
        named = any(fnmatch.fnmatchcase(action, pattern) for pattern in self.actions.split())
        return named and not any(_has(properties, path) for path in self.properties)


def _has(properties: Any, path: str) -> bool:
    value = properties
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value not in (None, [], {}, "")


def needed(resource_type: str, action: str, properties: Mapping[str, Any]) -> bool:
    """Whether CloudFormation has to be allowed an action that the type's schema lists."""
    rules = (*EVERYWHERE, *BY_TYPE.get(resource_type, ()))
    return not any(rule.applies(action, properties) for rule in rules)


NO_KEY = "the resource names no key of the account"
NO_ROLE = "the resource hands no role on"

EVERYWHERE = (
    Unneeded(
        "s3:DeleteBucketAnalyticsConfiguration s3:DeleteBucketCors s3:DeleteBucketEncryption "
        "s3:DeleteBucketLifecycle s3:DeleteBucketMetricsConfiguration s3:DeleteBucketReplication "
        "s3:GetObjectMetadata s3:PutBucketReplication s3:PutObjectLockConfiguration "
        "s3:REST.PUT.OBJECT lakeformation:CreateTable lambda:AssociateRuntimeAlias",
        (),
        "IAM has no such action (service authorization reference)",
    ),
)

_LAKE = Unneeded("lakeformation:*", (), "no location of the catalog is registered with it")
_IOT_KEY = Unneeded("kms:Decrypt", (), "AWS IoT keeps policies with a key of its own here")

BY_TYPE: Mapping[str, tuple[Unneeded, ...]] = {
    "AWS::Athena::WorkGroup": (
        Unneeded(
            "iam:CreateServiceLinkedRole iam:PassRole",
            ("WorkGroupConfiguration.ExecutionRole",),
            NO_ROLE,
        ),
        Unneeded("kms:* s3:*", (), "queries use the key and the bucket, not the workgroup"),
    ),
    "AWS::Budgets::Budget": (
        Unneeded("billing:GetBillingViewData", ("Budget.BillingViewArn",), "no billing view"),
    ),
    "AWS::DynamoDB::Table": (
        Unneeded(
            "dynamodb:BatchWriteItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem "
            "dynamodb:Query dynamodb:Scan dynamodb:UpdateItem dynamodb:*TableReplica",
            (),
            "only a table with replicas or an import has its items touched",
        ),
        Unneeded(
            "dynamodb:DescribeImport dynamodb:ImportTable logs:* s3:*",
            ("ImportSourceSpecification",),
            "nothing is imported into the table",
        ),
        Unneeded("dynamodb:*ResourcePolicy", ("ResourcePolicy",), "no resource policy"),
        Unneeded(
            "dynamodb:*KinesisStreamingDestination kinesis:*",
            ("KinesisStreamSpecification",),
            "no stream of changes to Kinesis",
        ),
        Unneeded(
            "dynamodb:UpdateContributorInsights",
            ("ContributorInsightsSpecification",),
            "no contributor insights",
        ),
        Unneeded("iam:CreateServiceLinkedRole", (), "no automatic scaling and no replicas"),
        Unneeded("kms:ListAliases", (), "the key is named by its ARN"),
        Unneeded("kms:*", ("SSESpecification.KMSMasterKeyId",), NO_KEY),
    ),
    "AWS::Events::EventBus": (
        Unneeded("kms:*", ("KmsKeyIdentifier",), NO_KEY),
        Unneeded("events:*Permission", ("Policy",), "the bus has no policy"),
    ),
    "AWS::Glue::Database": (
        Unneeded(
            "glue:*Connection",
            ("DatabaseInput.FederatedDatabase",),
            "the database is not a federated one",
        ),
        _LAKE,
    ),
    "AWS::Glue::Table": (
        _LAKE,
        Unneeded("glue:GetSchemaVersion", (), "no schema of the schema registry"),
        Unneeded("glue:PassConnection", (), "no connection"),
        Unneeded(
            "s3:* iam:PassRole", ("OpenTableFormatInput",), "not an Iceberg table that is made here"
        ),
    ),
    "AWS::GreengrassV2::ComponentVersion": (
        Unneeded("lambda:GetFunction", ("LambdaFunction",), "the recipe is given as it is"),
        Unneeded("s3:GetObject", ("InlineRecipe",), "Greengrass keeps an imported function itself"),
    ),
    "AWS::GreengrassV2::Deployment": (
        Unneeded(
            "iot:*ThingShadow iot:DescribeThing", (), "deployments go to groups, not single things"
        ),
    ),
    "AWS::IAM::ManagedPolicy": (
        Unneeded("iam:*GroupPolicy", ("Groups",), "no group gets it"),
        Unneeded("iam:*UserPolicy", ("Users",), "no user gets it"),
        Unneeded("iam:AttachRolePolicy iam:DetachRolePolicy", ("Roles",), "roles name it"),
    ),
    "AWS::IAM::Policy": (
        Unneeded("iam:*GroupPolicy", ("Groups",), "no group gets it"),
        Unneeded("iam:*UserPolicy", ("Users",), "no user gets it"),
    ),
    "AWS::IAM::Role": (
        Unneeded(
            "iam:AttachRolePolicy iam:DetachRolePolicy", ("ManagedPolicyArns",), "no managed policy"
        ),
        Unneeded("iam:PutRolePolicy", ("Policies",), "no inline policy"),
        Unneeded(
            "iam:PutRolePermissionsBoundary", ("PermissionsBoundary",), "no permissions boundary"
        ),
        Unneeded(
            "iam:DeleteRolePermissionsBoundary", (), "required where an update takes it away (arns)"
        ),
    ),
    "AWS::IoT::Policy": (_IOT_KEY,),
    "AWS::IoT::ProvisioningTemplate": (_IOT_KEY,),
    "AWS::IoT::RoleAlias": (_IOT_KEY,),
    "AWS::IoT::ThingGroup": (
        Unneeded("iot:*DynamicThingGroup", ("QueryString",), "not a dynamic group"),
    ),
    "AWS::KinesisFirehose::DeliveryStream": (
        Unneeded("kms:*", ("DeliveryStreamEncryptionConfigurationInput.KeyARN",), NO_KEY),
    ),
    "AWS::Lambda::Function": (
        Unneeded("ec2:*", ("VpcConfig",), "not in a VPC"),
        Unneeded("elasticfilesystem:* s3files:*", ("FileSystemConfigs",), "no file system"),
        Unneeded("kms:*", ("KmsKeyArn", "Code.SourceKMSKeyArn"), NO_KEY),
        Unneeded(
            "lambda:GetCodeSigningConfig lambda:PutFunctionCodeSigningConfig "
            "lambda:DeleteFunctionCodeSigningConfig",
            ("CodeSigningConfigArn",),
            "code is not signed",
        ),
        Unneeded("lambda:GetLayerVersion", ("Layers",), "no layers"),
        Unneeded(
            "lambda:PutRuntimeManagementConfig lambda:GetRuntimeManagementConfig",
            ("RuntimeManagementConfig",),
            "Lambda chooses the runtime's patch version",
        ),
        Unneeded("lambda:PutFunctionRecursionConfig", ("RecursiveLoop",), "the default"),
        Unneeded(
            "lambda:*FunctionScalingConfig lambda:PassCapacityProvider",
            ("CapacityProviderConfig", "FunctionScalingConfig"),
            "no capacity provider",
        ),
        Unneeded(
            "lambda:PutFunctionConcurrency",
            ("ReservedConcurrentExecutions",),
            "no reserved concurrency",
        ),
        Unneeded("s3:*", ("Code.S3Bucket",), "the code is in the template or an image"),
    ),
    "AWS::Lambda::Version": (
        Unneeded(
            "lambda:*ProvisionedConcurrencyConfig",
            ("ProvisionedConcurrencyConfig",),
            "no provisioned concurrency",
        ),
        Unneeded(
            "lambda:*RuntimeManagementConfig",
            ("RuntimePolicy",),
            "Lambda chooses the patch version",
        ),
        Unneeded("lambda:*FunctionScalingConfig", ("FunctionScalingConfig",), "no scaling"),
    ),
    "AWS::Logs::LogGroup": (
        Unneeded(
            "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy "
            "firehose:TagDeliveryStream",
            ("DataProtectionPolicy",),
            "no data protection policy, so no destination of its findings",
        ),
        Unneeded("logs:*IndexPolic*", ("FieldIndexPolicies",), "no field index"),
        Unneeded(
            "logs:PutBearerTokenAuthentication",
            ("BearerTokenAuthenticationEnabled",),
            "no bearer tokens",
        ),
        Unneeded(
            "logs:PutLogGroupDeletionProtection",
            ("DeletionProtectionEnabled",),
            "no deletion protection",
        ),
        Unneeded(
            "logs:PutResourcePolicy logs:DeleteResourcePolicy",
            ("ResourcePolicyDocument",),
            "no resource policy",
        ),
    ),
    "AWS::S3::Bucket": (
        Unneeded(
            "s3:DeleteObject s3:PutObjectAcl", (), "buckets are made and left without objects"
        ),
        Unneeded("s3tables:*", ("MetadataTableConfiguration",), "no metadata table"),
        Unneeded("iam:PassRole", ("ReplicationConfiguration",), NO_ROLE),
    ),
    "AWS::SNS::Subscription": (
        Unneeded("iam:PassRole iam:GetRole", ("SubscriptionRoleArn",), NO_ROLE),
    ),
    "AWS::SNS::Topic": (
        Unneeded("iam:PassRole iam:GetRole", ("DeliveryStatusLogging",), NO_ROLE),
        Unneeded("sns:PutDataProtectionPolicy", ("DataProtectionPolicy",), "none is set"),
        Unneeded("sns:Subscribe sns:Unsubscribe", ("Subscription",), "subscribers are resources"),
    ),
    "AWS::SageMaker::NotebookInstance": (
        Unneeded("ec2:*", ("SubnetId",), "not in a VPC of the account"),
        Unneeded("kms:*", ("KmsKeyId",), NO_KEY),
    ),
    "AWS::SageMaker::Pipeline": (
        Unneeded(
            "s3:GetObject",
            ("PipelineDefinition.PipelineDefinitionS3Location",),
            "the definition is in the template",
        ),
    ),
    "AWS::StepFunctions::StateMachine": (
        Unneeded("kms:*", ("EncryptionConfiguration.KmsKeyId",), NO_KEY),
        Unneeded("s3:*", ("DefinitionS3Location",), "the definition is in the template"),
    ),
    "AWS::ECR::Repository": (Unneeded("kms:*", ("EncryptionConfiguration.KmsKey",), NO_KEY),),
}
"""By resource type. A rule whose property our templates begin to set stops to apply by itself."""
