# SPDX-License-Identifier: Apache-2.0
"""The camera program as a generic component: for the Java nucleus and for nucleus lite."""

import hashlib
import json
from typing import Any

from aws_cdk import aws_greengrassv2 as greengrass
from aws_cdk import aws_s3 as s3
from constructs import Construct

from contracts.components import content_version
from contracts.inference_recipe import (
    REVISION_KEY,
    artifact_name,
    inference_recipe,
)
from infra.assets.definitions import INFERENCE, INFERENCE_AARCH64
from infra.common.asset import archive_asset
from infra.common.stack import environment_of
from infra.config.camera import CameraSettings
from infra.config.settings import BinSettings, Settings
from infra.edge.component import camera_variables
from infra.edge.component_artifacts import ComponentArtifacts
from infra.edge.token_exchange import COMPONENTS_PREFIX

BUNDLES = {"x86_64": INFERENCE, "aarch64": INFERENCE_AARCH64}
_ANY_VERSION = "0.0.0"


class GenericComponent(Construct):
    """Publishes the camera program's archives and creates a component version from them.

    The version is ``1.<n>.<n>``; both numbers come from the content of code and recipe. Settings
    are not part of the content: the deployment merges them in, so changing one restarts the program
    without a download. A replaced version is deleted after the deployment that replaces it is
    created, so that going back to earlier content never meets an existing version (docs/adr/0010).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        component_name: str,
        captures: s3.IBucket,
        artifacts: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        settings = environment_of(self).settings
        assets = {
            architecture: archive_asset(self, f"Code-{architecture}", bundle)
            for architecture, bundle in BUNDLES.items()
        }
        digests = {architecture: asset.asset_hash for architecture, asset in assets.items()}
        # The bucket's name is known only at deployment and is not part of the content.
        pattern = _recipe(settings, component_name, _ANY_VERSION, "s3://artifacts")
        document = json.dumps([pattern, digests], sort_keys=True)
        self.name = component_name
        self.version = content_version(hashlib.sha256(document.encode()).hexdigest())
        folder = f"{COMPONENTS_PREFIX}/{component_name}/{self.version}"
        copied = ComponentArtifacts(
            self,
            "Artifacts",
            bucket=artifacts,
            folder=folder,
            files={artifact_name(architecture): asset for architecture, asset in assets.items()},
        )
        self.component = greengrass.CfnComponentVersion(
            self,
            "Component",
            inline_recipe=_recipe(
                settings, component_name, self.version, artifacts.s3_url_for_object(folder)
            ),
        )
        self.component.node.add_dependency(copied.resource)
        self.merge = _merge(settings, captures.bucket_name)


def _merge(settings: Settings, captures_bucket: str) -> dict[str, Any]:
    """The configuration that the deployment merges, with the revision that restarts the program."""
    values = json.dumps(camera_variables(settings, "captures"), sort_keys=True)
    revision = hashlib.sha256(values.encode()).hexdigest()[:16]
    if settings.camera.uploads:
        # The bucket's name is known only at deployment, and it is configuration too.
        revision = f"{revision}.{captures_bucket}"
    return {**camera_variables(settings, captures_bucket), REVISION_KEY: revision}


def _recipe(settings: Settings, component: str, version: str, folder: str) -> str:
    """The recipe with the program's own defaults: it runs before any deployment merges settings."""
    own = settings.model_copy(
        update={
            "bins": BinSettings(),
            "camera": CameraSettings(topic_prefix=settings.camera.topic_prefix),
        }
    )
    return inference_recipe(
        component=component,
        version=version,
        artifacts={
            architecture: f"{folder}/{artifact_name(architecture)}" for architecture in BUNDLES
        },
        topics=settings.topics,
        configuration=camera_variables(own, ""),
        uploads=settings.camera.uploads,
    )
