# SPDX-License-Identifier: Apache-2.0
"""Copies the archives of a generic component to the prefix that cameras may read."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.assets.definitions import COMPONENT_ARTIFACTS
from infra.common.custom_resource import CustomResourceFunction
from infra.common.permissions import use_data_key
from infra.common.role import Allow

TYPE = "Custom::ComponentArtifacts"


class ComponentArtifacts(Construct):
    """Copies assets into the artifacts bucket before a component version is created from them.

    Greengrass records an artifact's digest when the version is created, so it must exist by then.
    The CDK's assets bucket is not suitable: cameras read one prefix of one bucket of their
    environment, and ``cdk gc`` may empty the assets bucket (docs/adr/0010).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        folder: str,
        files: Mapping[str, s3_assets.Asset],
    ) -> None:
        super().__init__(scope, construct_id)
        copy = CustomResourceFunction(
            self,
            "Copy",
            code=COMPONENT_ARTIFACTS,
            description="Copies the camera program's archives to where cameras read them",
            timeout=cdk.Duration.minutes(5),
            allow=[
                Allow(
                    actions=["s3:GetObject"],
                    resources=[
                        asset.bucket.arn_for_objects(asset.s3_object_key)
                        for asset in files.values()
                    ],
                ),
                Allow(
                    actions=["s3:PutObject"],
                    resources=[bucket.arn_for_objects(f"{folder}/{name}") for name in files],
                ),
                use_data_key(self, ["s3"]),
            ],
            resource_type=TYPE,
            properties={
                "Bucket": bucket.bucket_name,
                "Folder": folder,
                "Files": {
                    name: {"Bucket": asset.s3_bucket_name, "Key": asset.s3_object_key}
                    for name, asset in files.items()
                },
            },
        )
        self.resource = copy.resource
