# SPDX-License-Identifier: Apache-2.0
"""Puts the archives of a generic component where cameras may read them."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.assets.assets import archive_asset
from infra.assets.definitions import COMPONENT_ARTIFACTS
from infra.common.function import Function
from infra.common.permissions import use_key
from infra.common.role import Allow
from infra.config.settings import Settings

TYPE = "Custom::ComponentArtifacts"

_CALLED_ONCE = "Called by CloudFormation when the camera program's code changes, "
_ACKNOWLEDGED = {
    "NIST.800.53.R5-LambdaConcurrency": _CALLED_ONCE + "one call at a time; a reservation could "
    "not be made in a new account, where AWS allows 10 concurrent executions in all.",
    "NIST.800.53.R5-LambdaDLQ": _CALLED_ONCE + "which waits for its answer and reports a failure.",
    "NIST.800.53.R5-LambdaInsideVPC": "Talks to S3 only and reaches nothing in a VPC; a VPC would "
    "add NAT costs and endpoints without protecting anything.",
}


class ComponentArtifacts(Construct):
    """Copies assets into the artifacts bucket before a component version is made of them.

    Greengrass takes an artifact's digest when the version is made, so it must be there by then.
    CDK's assets bucket itself will not do: cameras read one prefix of one bucket of their
    environment, and ``cdk gc`` may empty the assets bucket (docs/adr/0010).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key_arn: str,
        bucket: str,
        bucket_arn: str,
        folder: str,
        files: Mapping[str, s3_assets.Asset],
    ) -> None:
        super().__init__(scope, construct_id)
        sources = {name: (one.s3_bucket_name, one.s3_object_key) for name, one in files.items()}
        function = Function(
            self,
            "Copy",
            settings=settings,
            key_arn=key_arn,
            code=archive_asset(self, "CopyCode", COMPONENT_ARTIFACTS),
            description="Copies the camera program's archives to where cameras read them",
            handler="component_artifacts_handler.handler",
            runtime="python3.14",
            memory_mb=256,
            timeout_seconds=300,
            environment={},
            allow=[
                Allow(
                    actions=["s3:GetObject"],
                    on=[f"arn:aws:s3:::{source}/{key}" for source, key in sources.values()],
                ),
                Allow(
                    actions=["s3:PutObject"],
                    on=[f"{bucket_arn}/{folder}/{name}" for name in files],
                ),
                use_key(key_arn, settings.region, ["s3"]),
            ],
            acknowledged=_ACKNOWLEDGED,
        )
        self.resource = cdk.CfnResource(
            self,
            "Files",
            type=TYPE,
            properties={
                "ServiceToken": function.arn,
                "Bucket": bucket,
                "Folder": folder,
                "Files": {
                    name: {"Bucket": source, "Key": key} for name, (source, key) in sources.items()
                },
            },
        )
