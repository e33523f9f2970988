# SPDX-License-Identifier: Apache-2.0
"""The camera program as a generic component, for the Java nucleus and for nucleus lite."""

from collections.abc import Mapping
from typing import Any

from contracts.recipes import recipe
from contracts.topics import Topics

ARCHITECTURES = {"x86_64": "amd64", "arm64": "aarch64"}
"""Greengrass' names of the processors that there are artefacts for."""
PROGRAM = "camera_component.py"


def inference_recipe(
    *,
    component: str,
    version: str,
    artifacts: Mapping[str, str],
    topics: Topics,
    configuration: Mapping[str, Any],
    uploads: bool = False,
) -> str:
    """The recipe text of one version of the camera program.

    ``artifacts`` maps ``x86_64`` and ``arm64`` to the S3 URI of a zip. ``configuration`` has what
    the program reads from its component configuration (``topicPrefix``, ``source``, ``bins`` and
    so on, see lambda/inference/README.md). ``uploads``: captures are uploaded, so the device's
    credentials are needed. Raises RecipeError where a camera would not run it as written.
    """
    thing = "{iot:thingName}"
    access = {
        "aws.greengrass.ipc.mqttproxy": {
            f"{component}:mqttproxy:publish": {
                "policyDescription": "Publishes what this camera saw and how it is",
                "operations": ["aws.greengrass#PublishToIoTCore"],
                "resources": [topics.detections(thing), topics.telemetry(thing)],
            },
            f"{component}:mqttproxy:subscribe": {
                "policyDescription": "Takes commands meant for this camera",
                "operations": ["aws.greengrass#SubscribeToIoTCore"],
                "resources": [topics.commands(thing)],
            },
        }
    }
    exchange = {
        "aws.greengrass.TokenExchangeService": {
            "VersionRequirement": ">=2.0.0 <3.0.0",
            "DependencyType": "HARD",
        }
    }
    return recipe(
        name=component,
        version=version,
        description="Tells which bin the trash before a camera belongs in",
        publisher="Binsight",
        configuration={**configuration, "accessControl": access},
        dependencies=exchange if uploads else None,
        manifests=[
            {
                "Platform": {
                    "os": "linux",
                    "runtime": "*",
                    "architecture": ARCHITECTURES[architecture],
                },
                "Lifecycle": {"run": {"Script": _script(uri)}},
                "Artifacts": [{"Uri": uri, "Unarchive": "ZIP"}],
            }
            for architecture, uri in sorted(artifacts.items())
        ],
    )


def _script(uri: str) -> str:
    """Greengrass unpacks a zip into a folder of its name. The path variable ends with a slash."""
    folder = uri.rsplit("/", 1)[-1].removesuffix(".zip")
    return f"exec python3.11 -u {{artifacts:decompressedPath}}/{folder}/{PROGRAM}"
