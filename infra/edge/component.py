# SPDX-License-Identifier: Apache-2.0
"""The camera program in a deployment, and its settings, for both packagings."""

from typing import Any, Protocol

import aws_cdk as cdk

from infra.config.settings import Settings


class CameraProgram(Protocol):
    """A component version of the camera program.

    ``component`` is the resource that creates the version; ``merge`` is what a deployment merges
    into the component's configuration.
    """

    name: str
    version: str
    merge: dict[str, Any]

    @property
    def component(self) -> cdk.CfnResource: ...


def camera_variables(settings: Settings, captures_bucket: str) -> dict[str, str]:
    """The environment variables that lambda/inference/camera/settings.py reads."""
    camera = settings.camera
    variables = {
        "BINSIGHT_ARRIVAL_FRAMES": str(camera.arrival_frames),
        "BINSIGHT_BINS": settings.bins.policy().to_json(),
        "BINSIGHT_CAPTURES": camera.captures,
        "BINSIGHT_CAPTURES_PER_HOUR": str(camera.captures_per_hour),
        "BINSIGHT_DEPARTURE_FRAMES": str(camera.departure_frames),
        "BINSIGHT_MODEL_FOLDER": camera.model_folder,
        "BINSIGHT_PAGE": camera.page,
        "BINSIGHT_SMOOTHING_FRAMES": str(camera.smoothing_frames),
        "BINSIGHT_SOURCE": camera.source,
        "BINSIGHT_TELEMETRY_SECONDS": str(camera.telemetry_seconds),
        "BINSIGHT_TOPIC_PREFIX": camera.topic_prefix,
    }
    if camera.uploads:
        variables["BINSIGHT_CAPTURES_BUCKET"] = captures_bucket
    return variables
