# SPDX-License-Identifier: Apache-2.0
"""Everything that stores data: the key and the buckets."""

from collections.abc import Mapping
from typing import NamedTuple

from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.common.stack import EnvironmentStack
from infra.config.settings import Settings
from infra.data.buckets import AccessLogBucket, AutoDeleteLogs, DataBucket
from infra.data.key import DataKey


class ExportedBucket(NamedTuple):
    """A bucket of the data stack as the other stacks see it: the values that it exports."""

    name: str
    arn: str

    def imported(self, scope: Construct, construct_id: str) -> s3.IBucket:
        """The bucket in another stack."""
        return s3.Bucket.from_bucket_attributes(
            scope, construct_id, bucket_name=self.name, bucket_arn=self.arn
        )


class DataStack(EnvironmentStack):
    """The environment's data: dataset, artifacts, captures, archive, access logs, and their key."""

    purpose = "buckets and the key that encrypts them"

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id, settings=settings)
        keep = settings.data
        self.key = DataKey(self, "DataKey").key
        self._access_logs = AccessLogBucket(self, "AccessLog").bucket
        dataset = self._bucket("Dataset")
        artifacts = self._bucket("Artifacts", keep_days_below={"runs/": keep.runs_days})
        captures = self._bucket("Captures", keep_days=keep.captures_days)
        archive = self._bucket(
            "Archive", keep_days=keep.archive_days, keep_days_below={"athena/": 7}
        )

        if not settings.keeps_data:
            AutoDeleteLogs(self, "AutoDelete")

        self.key_arn = self.export(self.key.key_arn)
        self.dataset = self._exported(dataset)
        self.artifacts = self._exported(artifacts)
        self.archive = self._exported(archive)
        self.captures = self._exported(captures)

        self.output("DatasetBucket", dataset.bucket_name, "Photos by class, and their manifests")
        self.output("ArtifactsBucket", artifacts.bucket_name, "Training runs, models, components")
        self.output("CapturesBucket", captures.bucket_name, "Photos from cameras, for relabelling")
        self.output("ArchiveBucket", archive.bucket_name, "Every detection, by date")
        self.output("AccessLogBucket", self._access_logs.bucket_name, "Who read or wrote what")
        self.output("DataKeyArn", self.key.key_arn, "The key that encrypts all of it")
        self.state_deletion_policies()

    def _bucket(
        self,
        name: str,
        *,
        keep_days: int | None = None,
        keep_days_below: Mapping[str, int] | None = None,
    ) -> s3.Bucket:
        return DataBucket(
            self,
            name,
            access_logs=self._access_logs,
            keep_days=keep_days,
            keep_days_below=keep_days_below,
        ).bucket

    def _exported(self, bucket: s3.Bucket) -> ExportedBucket:
        return ExportedBucket(self.export(bucket.bucket_name), self.export(bucket.bucket_arn))
