# SPDX-License-Identifier: Apache-2.0
"""Which resources hold something that a new one would not have.

The CDK's service specification marks most of them; it knows nothing of what a thing group's
membership or a model registry is worth to an operator.
"""

STATEFUL = {
    "AWS::CodeCommit::Repository": "its commits",
    "AWS::DynamoDB::GlobalTable": "its items",
    "AWS::DynamoDB::Table": "its items",
    "AWS::EFS::FileSystem": "its files",
    "AWS::ECR::Repository": "its images",
    "AWS::IoT::Certificate": "an identity that devices use",
    "AWS::IoT::Thing": "a device's identity",
    "AWS::IoT::ThingGroup": "which devices are in it, and the deployment they follow",
    "AWS::IoT::ThingType": "the type that devices are registered with",
    "AWS::KMS::Key": "the key without which encrypted data cannot be read",
    "AWS::Kinesis::Stream": "its records",
    "AWS::Logs::LogGroup": "its logs",
    "AWS::MSK::Cluster": "its records",
    "AWS::RDS::DBCluster": "its data",
    "AWS::RDS::DBInstance": "its data",
    "AWS::S3::Bucket": "its objects",
    "AWS::SageMaker::ModelPackageGroup": "the registered models and their approvals",
    "AWS::Route53::HostedZone": "its records and the name servers that a domain points to",
    "AWS::SNS::Topic": "its confirmed subscriptions",
    "AWS::SQS::Queue": "its messages",
    "AWS::SecretsManager::Secret": "its value",
    "AWS::Serverless::SimpleTable": "its items",
    "AWS::SSM::Parameter": "its value",
    "AWS::Timestream::Table": "its records",
}

NEW_BY_DESIGN = {
    "AWS::ApiGateway::Deployment",
    "AWS::GreengrassV2::ComponentVersion",
    "AWS::GreengrassV2::Deployment",
    "AWS::Lambda::Version",
}
"""Immutable types: every change makes a new one, and that is how they are meant to be used."""

RETAINED = {"Retain", "RetainExceptOnCreate", "Snapshot"}
"""Deletion policies that keep what was stored. The second deletes only what a failed creation
made, in which nothing was stored yet."""


SNAPSHOTS = {
    "AWS::DocDB::DBCluster",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
}
"""The types that CloudFormation makes a last snapshot of (user guide, DeletionPolicy attribute)."""


def holds(resource_type: str | None) -> str | None:
    """What is lost with a resource of this type, or None."""
    return STATEFUL.get(resource_type or "")
