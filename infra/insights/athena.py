# SPDX-License-Identifier: Apache-2.0
"""Queries of the archive: an Athena workgroup, the named queries, and a role to run them."""

from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.common.stack import environment_of
from infra.insights.questions import QUESTIONS

RESULTS = "athena"
"""Folder of the archive bucket; its objects expire."""
SCAN_LIMIT_BYTES = 100 * 1024**3
"""A query that would read more is cancelled, at about 0.50 USD (5 USD per TB, us-east-1, 2025).
A year of 2,000 cameras' telemetry is half of it (docs/adr/0014)."""


class Workgroup(Construct):
    """Every query in it has a size limit and encrypted results in one place."""

    def __init__(
        self, scope: Construct, construct_id: str, *, bucket: s3.IBucket, database: glue.IDatabase
    ) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        self.name = environment.settings.prefix
        self.group = athena.CfnWorkGroup(
            self,
            "Group",
            name=self.name,
            description="Questions about the fleet; make ask asks them",
            recursive_delete_option=not environment.settings.keeps_data,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=SCAN_LIMIT_BYTES,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{bucket.bucket_name}/{RESULTS}/",
                    encryption_configuration=(
                        athena.CfnWorkGroup.EncryptionConfigurationProperty(
                            encryption_option="SSE_KMS", kms_key=environment.key.key_arn
                        )
                    ),
                ),
            ),
        )
        for question in QUESTIONS:
            query = athena.CfnNamedQuery(
                self,
                question.name.title().replace("_", ""),
                name=question.name,
                description=question.answers,
                database=database.database_name,
                query_string=question.sql,
                work_group=self.name,
            )
            query.add_resource_dependency(self.group)
