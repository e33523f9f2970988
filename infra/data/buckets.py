# SPDX-License-Identifier: Apache-2.0
"""Buckets: encrypted, versioned, private, TLS only, logged, and cleaned up by rule."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.common.compliance import acknowledge
from infra.common.log_group import log_group
from infra.common.permissions import write_logs
from infra.common.stack import environment_of
from infra.config.retention import removal

_NO_REPLICA = (
    "One region by design: photos and models can be made again from the dataset's owner and from "
    "the pipeline; versioning guards against deletion by mistake."
)


class AccessLogBucket(Construct):
    """The bucket for the other buckets' access logs."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        settings = environment_of(self).settings
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            # S3 delivers access logs only to buckets with S3-managed keys.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="Expire",
                    expiration=cdk.Duration.days(settings.data.access_log_days),
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=removal(settings),
            auto_delete_objects=not settings.keeps_data,
        )
        acknowledge(
            self.bucket,
            {
                "NIST.800.53.R5-S3DefaultEncryptionKMS": "S3 server access logs can only be "
                "delivered to a bucket that is encrypted with S3-managed keys (AWS limitation).",
                "NIST.800.53.R5-S3BucketReplicationEnabled": _NO_REPLICA,
            },
        )


class DataBucket(Construct):
    """A bucket of this environment, encrypted with its key.

    Old versions go after ``noncurrent_days``; objects go after ``keep_days`` where that is given,
    those below a prefix in ``keep_days_below`` after the days given there.
    New objects are announced on the account's event bus, so that a stack can react to them without
    changing the bucket.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        access_logs: s3.IBucket,
        keep_days: int | None = None,
        keep_days_below: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        settings = environment.settings
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=environment.key,
            # One data key per bucket and hour instead of one call to KMS per object.
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{construct_id.lower()}/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="Tidy",
                    expiration=cdk.Duration.days(keep_days) if keep_days else None,
                    noncurrent_version_expiration=cdk.Duration.days(settings.data.noncurrent_days),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                    # Only if nothing else expires: S3 accepts one of the two in a rule.
                    expired_object_delete_marker=None if keep_days else True,
                ),
                *(
                    s3.LifecycleRule(
                        id=f"Tidy-{prefix.strip('/')}",
                        prefix=prefix,
                        expiration=cdk.Duration.days(days),
                    )
                    for prefix, days in (keep_days_below or {}).items()
                ),
            ],
            removal_policy=removal(settings),
            auto_delete_objects=not settings.keeps_data,
        )
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101
        # The bucket's own property; the L2 option deploys a Lambda function to set the same thing.
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )
        acknowledge(self.bucket, {"NIST.800.53.R5-S3BucketReplicationEnabled": _NO_REPLICA})


class AutoDeleteLogs(Construct):
    """The log group and the permissions of the function that empties buckets before deletion.

    CDK adds that function, one per stack, where a bucket is deleted with its stack. Without this
    construct it would leave a log group behind and hold an AWS managed policy.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        provider = cdk.Stack.of(self).node.find_child(
            "Custom::S3AutoDeleteObjectsCustomResourceProvider"
        )
        handler, role = provider.node.find_child("Handler"), provider.node.find_child("Role")
        assert isinstance(handler, cdk.CfnResource)  # noqa: S101
        assert isinstance(role, cdk.CfnResource)  # noqa: S101
        logs = log_group(self, "Logs")
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            description="Lets the function that empties buckets write its log",
            statements=[write_logs(logs)],
        )
        role.add_property_override("ManagedPolicyArns", [policy.managed_policy_arn])
        handler.add_property_override("LoggingConfig", {"LogGroup": logs.log_group_name})
        # The reference to the role already implies this, and cfn-lint reports duplicates (W3005).
        handler.add_deletion_override("DependsOn")
