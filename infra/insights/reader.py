# SPDX-License-Identifier: Apache-2.0
"""The role for questions about the fleet: it reads data and runs queries."""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from contracts.archive import TABLES
from infra.common.permissions import read_objects, use_data_key, write_objects
from infra.common.role import Allow, acknowledge_wildcards
from infra.common.stack import environment_of
from infra.insights.athena import RESULTS, Workgroup
from infra.insights.budget import budget_name


class Reader(Construct):
    """A read-only role for principals of the account that may assume it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        database: str,
        table: dynamodb.ITable,
        workgroup: Workgroup,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = environment_of(self)
        # By its name: what the role may read is exact before there is a database.
        catalog = ["catalog", f"database/{database}"]
        catalog += [f"table/{database}/{table.name}" for table in TABLES]
        allow = [
            Allow(
                # Athena's console shows the workgroup and its named queries.
                actions=[
                    "athena:GetNamedQuery",
                    "athena:GetQueryExecution",
                    "athena:GetQueryResults",
                    "athena:GetWorkGroup",
                    "athena:ListNamedQueries",
                    "athena:StartQueryExecution",
                    "athena:StopQueryExecution",
                ],
                resources=[stack.arn("athena", f"workgroup/{workgroup.name}")],
            ),
            # Not GetPartitions: the partitions of these tables are projected.
            Allow(
                actions=["glue:GetDatabase", "glue:GetTable"],
                resources=[stack.arn("glue", name) for name in catalog],
            ),
            # Athena looks at it before any other, with the asker's rights.
            Allow(
                actions=["glue:GetDatabase"],
                resources=[stack.arn("glue", name) for name in ("catalog", "database/default")],
            ),
            read_objects(bucket, [*(f"{table.name}/*" for table in TABLES), f"{RESULTS}/*"]),
            write_objects(bucket, [f"{RESULTS}/*"]),
            # As AWS's AmazonAthenaFullAccess has for the place of the results.
            Allow(
                actions=["s3:ListMultipartUploadParts"],
                resources=[bucket.arn_for_objects(f"{RESULTS}/*")],
                why="The names of results are made when a question is asked.",
            ),
            Allow(
                actions=["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                resources=[bucket.bucket_arn],
            ),
            Allow(
                actions=["iot:ListThingsInThingGroup"],
                resources=[stack.arn("iot", f"thinggroup/{stack.settings.prefix}-runtime")],
            ),
            Allow(actions=["dynamodb:Scan"], resources=[table.table_arn]),
            use_data_key(self, ["dynamodb", "s3"]),
        ]
        if stack.settings.insights.budget_usd is not None:
            budget = f"arn:aws:budgets::{stack.account}:budget/{budget_name(self)}"
            allow.append(Allow(actions=["budgets:ViewBudget"], resources=[budget]))
        self.policy = iam.ManagedPolicy(
            self, "Policy", description="Asks about the fleet", statements=list(allow)
        )
        self.role = iam.Role(
            self,
            "Role",
            description="Asks about the fleet: runs queries, reads the latest state",
            assumed_by=iam.AccountRootPrincipal(),
            managed_policies=[self.policy],
        )
        acknowledge_wildcards(self.policy, allow)
