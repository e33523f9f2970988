# SPDX-License-Identifier: Apache-2.0
"""What a resource's schema lists for features that Binsight does not use, each with the reason."""

import fnmatch
from collections.abc import Iterator, Mapping

_NO_SUCH_ACTION = "IAM knows no action of this name (service authorization reference)."
_NO_LAKE = "No location of the catalog is registered with Lake Formation."
_NO_ROLE = "The resource hands no role on."
_NO_VPC = "Not in a VPC."
_OWN_KEY = "AWS IoT keeps it with a key of its own."
_BY_HAND = "Only for a notebook in a VPC of one's own: docs/training.md says what to add then."

UNUSED: Mapping[str, Mapping[str, str]] = {
    "AWS::Athena::WorkGroup": {
        "iam:*": _NO_ROLE,
        "kms:* s3:*": "Queries use the key and the bucket, not the workgroup.",
    },
    "AWS::Budgets::Budget": {"billing:GetBillingViewData": "No billing view."},
    "AWS::DynamoDB::Table": {
        "dynamodb:*Item dynamodb:Query dynamodb:Scan": "No replica, so no items are touched.",
        "dynamodb:*TableReplica iam:CreateServiceLinkedRole": "No replica, no automatic scaling.",
        "dynamodb:*ResourcePolicy": "No policy of its own.",
        "dynamodb:*KinesisStreamingDestination kinesis:*": "No stream of changes.",
        "dynamodb:UpdateContributorInsights": "No contributor insights.",
        "dynamodb:DescribeImport dynamodb:ImportTable logs:* s3:*": "Nothing is imported.",
        "kms:ListAliases": "The key is named by its ARN.",
    },
    "AWS::Events::EventBus": {"kms:*": "Events are forwarded at once and hold names and digests."},
    "AWS::Glue::Database": {
        "glue:*Connection": "Not a federated one.",
        "lakeformation:*": _NO_LAKE,
    },
    "AWS::Glue::Table": {
        "glue:GetSchemaVersion": "No schema registry.",
        "glue:PassConnection": "No connection.",
        "lakeformation:*": _NO_LAKE,
        "s3:* iam:PassRole": "Not an Iceberg table.",
    },
    "AWS::GreengrassV2::Deployment": {
        "iot:*ThingShadow iot:DescribeThing": "Its target is a thing group, no single thing.",
    },
    "AWS::IAM::ManagedPolicy": {
        "iam:*GroupPolicy iam:*UserPolicy iam:AttachRolePolicy iam:DetachRolePolicy": (
            "Roles name their policies; a policy names nobody."
        ),
    },
    "AWS::IoT::Policy": {"kms:Decrypt": _OWN_KEY},
    "AWS::IoT::ProvisioningTemplate": {"kms:Decrypt": _OWN_KEY},
    "AWS::IoT::RoleAlias": {"kms:Decrypt": _OWN_KEY},
    "AWS::Lambda::Function": {
        "ec2:*": _NO_VPC,
        "elasticfilesystem:* s3files:*": "No file system.",
        "lambda:AssociateRuntimeAlias": _NO_SUCH_ACTION,
        "lambda:*CodeSigningConfig": "Code is not signed.",
        "lambda:GetLayerVersion": "No layers.",
        "lambda:PassCapacityProvider lambda:*ScalingConfig": "No capacity provider.",
        "lambda:PutFunctionRecursionConfig": "The default.",
        "lambda:*RuntimeManagementConfig": "Lambda chooses the runtime's patch version.",
    },
    "AWS::Lambda::Version": {
        "lambda:*ScalingConfig": "No capacity provider.",
        "lambda:*ProvisionedConcurrencyConfig": "No provisioned concurrency.",
        "lambda:*RuntimeManagementConfig": "Lambda chooses the runtime's patch version.",
    },
    "AWS::Logs::LogGroup": {
        "logs:*DataProtectionPolicy firehose:TagDeliveryStream": "No data protection policy.",
        "logs:*Index*": "No field index.",
        "logs:DeleteResourcePolicy": "No policy of its own.",
        "logs:PutBearerTokenAuthentication": "No bearer tokens.",
        "logs:PutLogGroupDeletionProtection": "The deletion policy says what is kept.",
        "s3:REST.PUT.OBJECT": _NO_SUCH_ACTION,
    },
    "AWS::S3::Bucket": {
        "s3:DeleteBucket*Configuration s3:DeleteBucketCors s3:DeleteBucketEncryption "
        "s3:DeleteBucketLifecycle s3:DeleteBucketReplication s3:PutBucketReplication "
        "s3:PutObjectLockConfiguration": _NO_SUCH_ACTION,
        "s3:DeleteObject s3:PutObjectAcl": "CloudFormation touches no objects.",
        "s3tables:*": "No metadata table.",
        "iam:PassRole": _NO_ROLE,
    },
    "AWS::SNS::Subscription": {"iam:*Role": _NO_ROLE},
    "AWS::SNS::Topic": {
        "iam:*Role": _NO_ROLE,
        "sns:PutDataProtectionPolicy": "No data protection policy.",
    },
    "AWS::SageMaker::NotebookInstance": {"ec2:*": _BY_HAND},
    "AWS::SageMaker::Pipeline": {"s3:GetObject": "The definition is in the template."},
    "AWS::StepFunctions::StateMachine": {"s3:*": "The definition is in the template."},
}
"""By type: patterns of actions, by spaces, and why CloudFormation does not need them."""


def unused(type_: str, name: str) -> bool:
    """Whether a type's schema lists the action for something that is not used."""
    return any(True for _ in reasons(type_, name))


def reasons(type_: str, name: str) -> Iterator[tuple[str, str]]:
    """The patterns that name the action, with their reasons."""
    for patterns, reason in UNUSED.get(type_, {}).items():
        for pattern in patterns.split():
            if fnmatch.fnmatchcase(name, pattern):
                yield pattern, reason
