# SPDX-License-Identifier: Apache-2.0
"""The camera program as a Greengrass component: its permissions, and its generic recipe."""

from collections.abc import Mapping
from typing import Any

from contracts.components import PROGRAM_VERSION
from contracts.recipes import recipe
from contracts.silence import ON_CAMERAS
from contracts.topics import Topics

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "aarch64"}
"""Greengrass's names for the processors that have artifacts."""
STARTER = "start.sh"
"""In the artifact: finds a Python that can run the program, or says what is missing."""
PREPARATION_SECONDS = 300
TOKEN_EXCHANGE = "aws.greengrass.TokenExchangeService"  # noqa: S105 - a component's name
TOKEN_EXCHANGE_VERSIONS = ">=2.0.0 <3.0.0"  # noqa: S105 - as above

REVISION_KEY = "BINSIGHT_REVISION"
"""Configuration key with a digest of all settings; changing it restarts the program."""
MODEL_FOLDER_KEY = "BINSIGHT_MODEL_FOLDER"
"""Configuration key that contains the model folder."""


def artifact_name(architecture: str) -> str:
    """The file name of the artifact for a processor, a key of ARCHITECTURES."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture {architecture!r}: one of {', '.join(ARCHITECTURES)}")
    return f"inference-{architecture}.zip"


def access_control(component: str, topics: Topics) -> dict[str, Any]:
    """What the camera program may do over the core's IPC: use its own topics and nothing else.

    The Java nucleus fills in the thing's name if ``interpolateComponentConfiguration`` is on;
    nucleus lite always does.
    """
    thing = "{iot:thingName}"
    return {
        "aws.greengrass.ipc.mqttproxy": {
            f"{component}:mqttproxy:publish": {
                "policyDescription": "Publishes this camera's detections and telemetry",
                "operations": ["aws.greengrass#PublishToIoTCore"],
                "resources": [topics.detections(thing), topics.telemetry(thing)],
            },
            f"{component}:mqttproxy:subscribe": {
                "policyDescription": "Receives this camera's commands",
                "operations": ["aws.greengrass#SubscribeToIoTCore"],
                "resources": [topics.commands(thing)],
            },
        }
    }


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

    ``artifacts`` maps the processors in ARCHITECTURES to the S3 URI of a zip. ``configuration``
    holds the defaults of the component configuration, under the names of the program's environment
    variables (lambda/inference/README.md); ``MODEL_FOLDER_KEY`` must be among them. ``uploads``:
    captures are uploaded, so the device's credentials are needed. Raises RecipeError if a camera
    would not run it as written.
    """
    exchange = {
        TOKEN_EXCHANGE: {
            "VersionRequirement": TOKEN_EXCHANGE_VERSIONS,
            # With HARD, one crash of the token exchange stops the camera permanently on nucleus
            # lite.
            "DependencyType": "SOFT",
        }
    }
    return recipe(
        name=component,
        version=version,
        description="Recognises trash in front of a camera and reports its bin",
        publisher="Binsight",
        configuration={
            REVISION_KEY: "0",
            **configuration,
            "accessControl": access_control(component, topics),
        },
        dependencies=exchange if uploads else None,
        manifests=[
            {
                "Platform": {
                    "os": "linux",
                    "runtime": "*",
                    "architecture": ARCHITECTURES[architecture],
                },
                "Lifecycle": _lifecycle(uri, version),
                "Artifacts": [{"Uri": uri, "Unarchive": "ZIP"}],
            }
            for architecture, uri in sorted(artifacts.items())
        ],
    )


def _lifecycle(uri: str, version: str) -> dict[str, Any]:
    """Greengrass unpacks a zip into a folder with the zip's name.

    The path variable ends with a slash on nucleus lite and without one on the Java nucleus.
    """
    folder = uri.rsplit("/", 1)[-1].removesuffix(".zip")
    starter = f"{{artifacts:decompressedPath}}/{folder}/{STARTER}"
    return {
        "Setenv": ON_CAMERAS,
        "install": {
            # Creates the model folder, which a component's user cannot do. The program itself and
            # everything it loads run without privileges.
            "RequiresPrivilege": True,
            "Script": f'sh {starter} prepare "{{configuration:/{MODEL_FOLDER_KEY}}}"',
            "Timeout": PREPARATION_SECONDS,
        },
        "run": {
            "Script": f"exec sh {starter} run",
            "Setenv": {
                # The Java nucleus restarts a component when its steps change (after variables are
                # replaced), never when its configuration changes. The program reads the
                # configuration once.
                REVISION_KEY: f"{{configuration:/{REVISION_KEY}}}",
                # Not in the configuration: a new version's defaults never overwrite a core's
                # existing values.
                PROGRAM_VERSION: version,
            },
        },
    }
