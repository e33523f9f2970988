# SPDX-License-Identifier: Apache-2.0
"""Every detection, for good: Firehose writes it to S3 by date, a Glue table lets Athena ask."""

from aws_cdk import aws_glue as glue
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from contracts.detection import DETECTION_COLUMNS
from infra.common.log_group import declared_log_group
from infra.common.permissions import read_objects, use_key, write_logs, write_objects
from infra.common.role import Allow, ServiceRole, trust_of_account
from infra.config.retention import keep
from infra.config.settings import Settings

FOLDER = "detections"
ERRORS = f"{FOLDER}/errors"
"""Beside the days' folders, where the table does not look."""
FIRST_DAY = "2026-01-01"
"""Athena looks for partitions from this day to today."""


class DetectionArchive(Construct):
    """A delivery stream into the archive bucket and the table over what it writes."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key_arn: str,
        bucket_name: str,
        bucket_arn: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._bucket = bucket_name
        group = declared_log_group(self, "Logs", settings=settings, key_arn=key_arn)
        stream = logs.CfnLogStream(
            self, "LogStream", log_group_name=group.ref, log_stream_name="S3Delivery"
        )
        role = ServiceRole(
            self,
            "Delivery",
            service="firehose.amazonaws.com",
            description="Lets Firehose write detections to the archive bucket",
            # Its guide has shown sts:ExternalId, no condition at all, and never aws:SourceAccount.
            trust_when=trust_of_account(settings.account, certain=False),
            allow=[
                # What Firehose's developer guide asks for on a destination ("Grant Firehose access
                # to an Amazon S3 destination"); it lists the bucket without a prefix.
                read_objects(bucket_arn, [f"{FOLDER}/*"]),
                write_objects(bucket_arn, [f"{FOLDER}/*"]),
                Allow(
                    actions=[
                        "s3:GetBucketLocation",
                        "s3:ListBucket",
                        "s3:ListBucketMultipartUploads",
                    ],
                    on=[bucket_arn],
                ),
                use_key(key_arn, settings.region, ["s3", "firehose"]),
                write_logs(group.attr_arn),
            ],
        )
        self.stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input={
                "keyType": "CUSTOMER_MANAGED_CMK",
                "keyArn": key_arn,
            },
            extended_s3_destination_configuration={
                "bucketArn": bucket_arn,
                "roleArn": role.arn,
                "prefix": f"{FOLDER}/date=!{{timestamp:yyyy-MM-dd}}/",
                "errorOutputPrefix": f"{ERRORS}/!{{firehose:error-output-type}}/"
                "date=!{timestamp:yyyy-MM-dd}/",
                "bufferingHints": {
                    "intervalInSeconds": settings.insights.delivery_seconds,
                    "sizeInMBs": 5,
                },
                "compressionFormat": "GZIP",
                "encryptionConfiguration": {"kmsEncryptionConfig": {"awskmsKeyArn": key_arn}},
                "cloudWatchLoggingOptions": {
                    "enabled": True,
                    "logGroupName": group.ref,
                    "logStreamName": stream.ref,
                },
            },
        )
        self.database = self._table(settings)

    def _table(self, settings: Settings) -> str:
        name = settings.prefix.replace("-", "_")
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=settings.account,
            # Both: the first identifies it for an import, the second is the catalogue's.
            database_name=name,
            database_input={"name": name, "description": f"What {settings.prefix} saw"},
        )
        location = f"s3://{self._bucket}/{FOLDER}/"
        table = glue.CfnTable(
            self,
            "Table",
            catalog_id=settings.account,
            database_name=name,
            table_input={
                "name": "detections",
                "description": "One row per sorted item",
                "tableType": "EXTERNAL_TABLE",
                "partitionKeys": [
                    {"name": "date", "type": "string", "comment": "Day of arrival, UTC"}
                ],
                "parameters": {
                    "classification": "json",
                    "compressionType": "gzip",
                    # Athena works the partitions out by itself: no crawler, nothing to repair.
                    "projection.enabled": "true",
                    "projection.date.type": "date",
                    "projection.date.format": "yyyy-MM-dd",
                    "projection.date.range": f"{FIRST_DAY},NOW",
                    "storage.location.template": location + "date=${date}/",
                },
                "storageDescriptor": {
                    "columns": [
                        {"name": name, "type": kind, "comment": comment}
                        for name, kind, comment in DETECTION_COLUMNS
                    ],
                    "location": location,
                    "compressed": True,
                    "inputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                    "outputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                    "serdeInfo": {
                        "serializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
                        "parameters": {"ignore.malformed.json": "true"},
                    },
                },
            },
        )
        table.add_resource_dependency(database)
        # The database may hold what people added. The table only says where the objects are: kept
        # and imported, it would go on saying where they were.
        keep(database, settings)
        return name
