# SPDX-License-Identifier: Apache-2.0
"""Every message of the cameras, kept: Firehose writes it to S3 by date, Athena reads it there."""

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from contracts.archive import DETECTIONS, FIRST_DAY, TELEMETRY, Table
from infra.common.log_group import log_group
from infra.common.permissions import read_objects, use_data_key, write_logs, write_objects
from infra.common.role import Allow, ServiceRole, trust_of_account
from infra.common.stack import environment_of
from infra.config.retention import removal

_TYPES = {
    "boolean": glue.Schema.BOOLEAN,
    "int": glue.Schema.INTEGER,
    "bigint": glue.Schema.BIG_INT,
    "double": glue.Schema.DOUBLE,
    "string": glue.Schema.STRING,
}


class Archive(Construct):
    """The database and, per kind of message, a delivery stream and a table over what it writes."""

    def __init__(self, scope: Construct, construct_id: str, *, bucket: s3.IBucket) -> None:
        super().__init__(scope, construct_id)
        settings = environment_of(self).settings
        self.database_name = settings.prefix.replace("-", "_")
        self.database = glue.Database(
            self,
            "Database",
            database_name=self.database_name,
            description=f"What the cameras of {settings.prefix} sent",
            # It may hold what people added.
            removal_policy=removal(settings),
        )
        # Escape hatch: the L2 names the database in DatabaseInput only; CloudFormation imports an
        # existing one (make deploy-again) by this property.
        resource = self.database.node.default_child
        if not isinstance(resource, glue.CfnDatabase):
            raise TypeError(f"{self.database.node.path}: not made of an AWS::Glue::Database")
        resource.add_property_override("DatabaseName", self.database_name)
        self.detections = _Delivery(self, "Detections", DETECTIONS, bucket).stream
        self.telemetry = _Delivery(self, "Telemetry", TELEMETRY, bucket).stream
        for table in (DETECTIONS, TELEMETRY):
            self._table(table, bucket)

    def _table(self, table: Table, bucket: s3.IBucket) -> None:
        location = f"s3://{bucket.bucket_name}/{table.name}/"
        glue.S3Table(
            self,
            f"{table.name.title()}Table",
            database=self.database,
            table_name=table.name,
            description=table.description,
            storage=glue.S3TableStorage.from_bucket(bucket),
            s3_prefix=f"{table.name}/",
            data_format=glue.DataFormat.JSON,
            compressed=True,
            # That is for encryption by the client.
            has_encrypted_data=False,
            columns=[
                glue.Column(name=name, type=_type(kind), comment=comment)
                for name, kind, comment in table.columns
            ],
            partition_keys=[
                glue.Column(name="date", type=glue.Schema.STRING, comment="Day of arrival, UTC")
            ],
            # Athena works the partitions out by itself: no crawler.
            partition_projection={
                "date": glue.PartitionProjectionConfiguration.date(
                    format="yyyy-MM-dd", min=FIRST_DAY, max="NOW"
                )
            },
            parameters={
                "compressionType": "gzip",
                "storage.location.template": f"{location}date=${{date}}/",
            },
            storage_parameters=[
                glue.StorageParameter.custom("ignore.malformed.json", "true"),
            ],
        )


def _type(kind: str) -> glue.Type:
    """A column's type; ``struct<a:string,b:string>`` is the only compound one."""
    if kind.startswith("struct<"):
        fields = kind.removeprefix("struct<").removesuffix(">").split(",")
        pairs = [field.split(":") for field in fields]
        return glue.Schema.struct([glue.Column(name=a, type=_TYPES[b]) for a, b in pairs])
    return _TYPES[kind]


class _Delivery(Construct):
    """A delivery stream into a table's folder of the archive bucket."""

    def __init__(
        self, scope: Construct, construct_id: str, table: Table, bucket: s3.IBucket
    ) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        group = log_group(self, "Logs")
        role = ServiceRole(
            self,
            "Role",
            service="firehose.amazonaws.com",
            description=f"Lets Firehose write {table.name} to the archive bucket",
            # Its guide has shown sts:ExternalId, no condition at all, and never aws:SourceAccount.
            trust_when=trust_of_account(environment.account, certain=False),
            allow=[
                # What Firehose's developer guide asks for on a destination ("Grant Firehose access
                # to an Amazon S3 destination"); it lists the bucket without a prefix.
                read_objects(bucket, [f"{table.name}/*"]),
                write_objects(bucket, [f"{table.name}/*"]),
                Allow(
                    actions=[
                        "s3:GetBucketLocation",
                        "s3:ListBucket",
                        "s3:ListBucketMultipartUploads",
                    ],
                    resources=[bucket.bucket_arn],
                ),
                use_data_key(self, ["s3", "firehose"]),
                write_logs(group, create=False),
            ],
        )
        # Not role.fixed: of a role that is known by its ARN only, the stream cannot see that it is
        # of the log group's account, and opens the log group to all of the account.
        fixed = role.role.without_policy_updates()
        day = "date=!{timestamp:yyyy-MM-dd}/"
        # Beside the days' folders, where the table does not look.
        errors = f"{table.name}/errors/!{{firehose:error-output-type}}/{day}"
        seconds = environment.settings.insights.delivery_seconds
        self.stream = firehose.DeliveryStream(
            self,
            "Stream",
            role=fixed,
            encryption=firehose.StreamEncryption.customer_managed_key(environment.key),
            destination=firehose.S3Bucket(
                bucket,
                role=fixed,
                data_output_prefix=f"{table.name}/{day}",
                error_output_prefix=errors,
                buffering_interval=cdk.Duration.seconds(seconds),
                buffering_size=cdk.Size.mebibytes(5),
                compression=firehose.Compression.GZIP,
                encryption_key=environment.key,
                logging_config=firehose.EnableLogging(group),
            ),
        )
        # The construct keeps the log stream always.
        for log_stream in group.node.find_all():
            if isinstance(log_stream, logs.LogStream):
                log_stream.apply_removal_policy(removal(environment.settings))
