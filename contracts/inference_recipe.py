# SPDX-License-Identifier: Apache-2.0
"""The camera program as a Greengrass component: its permissions, and its generic recipe."""

from collections.abc import Mapping
from typing import Any

from contracts.components import PROGRAM_VERSION
from contracts.recipes import recipe
from contracts.silence import ON_CAMERAS
from contracts.topics import Topics

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "aarch64"}
"""Greengrass' names of the processors that there are artifacts for."""
STARTER = "start.sh"
"""In the artifact: finds a Python that can run the program, or says what is missing."""
PREPARATION_SECONDS = 300
TOKEN_EXCHANGE = "aws.greengrass.TokenExchangeService"  # noqa: S105 - a component's name
TOKEN_EXCHANGE_VERSIONS = ">=2.0.0 <3.0.0"  # noqa: S105 - as above

REVISION_KEY = "BINSIGHT_REVISION"
"""Stands for all settings at once in the component configuration; a change of it restarts."""
MODEL_FOLDER_KEY = "BINSIGHT_MODEL_FOLDER"
"""Names the model folder there."""


def artifact_name(architecture: str) -> str:
    """The file name of the artifact for a processor, a key of ARCHITECTURES."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture {architecture!r}: one of {', '.join(ARCHITECTURES)}")
    return f"inference-{architecture}.zip"


def access_control(component: str, topics: Topics) -> dict[str, Any]:
    """What the camera program may do over the core's IPC: its own topics, and nothing else.

    The Java nucleus fills in the thing's name where ``interpolateComponentConfiguration`` is on,
    nucleus lite always.
    """
    thing = "{iot:thingName}"
    return {
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
    holds the defaults of what the program reads from its component configuration, under the names
    of its environment variables (lambda/inference/README.md); ``MODEL_FOLDER_KEY`` must be among
    them. ``uploads``: captures are uploaded, so the device's
    credentials are needed. Raises RecipeError where a camera would not run it as written.
    """
    exchange = {
        TOKEN_EXCHANGE: {
            "VersionRequirement": TOKEN_EXCHANGE_VERSIONS,
            # With HARD, one crash of the token exchange stops the camera on nucleus lite for good.
            "DependencyType": "SOFT",
        }
    }
    return recipe(
        name=component,
        version=version,
        description="Tells which bin the trash before a camera belongs in",
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
    """Greengrass unpacks a zip into a folder of its name.

    The path variable ends with a slash on nucleus lite and without one on the Java nucleus.
    """
    folder = uri.rsplit("/", 1)[-1].removesuffix(".zip")
    starter = f"{{artifacts:decompressedPath}}/{folder}/{STARTER}"
    return {
        "Setenv": ON_CAMERAS,
        "install": {
            # Makes the model folder, which a component's user cannot; the program itself, and what
            # it loads, run without privilege.
            "RequiresPrivilege": True,
            "Script": f'sh {starter} prepare "{{configuration:/{MODEL_FOLDER_KEY}}}"',
            "Timeout": PREPARATION_SECONDS,
        },
        "run": {
            "Script": f"exec sh {starter} run",
            "Setenv": {
                # The Java nucleus restarts a component whose steps changed, variables replaced, and
                # never for its configuration, which the program reads once.
                REVISION_KEY: f"{{configuration:/{REVISION_KEY}}}",
                # Not configuration: a new version's defaults never overwrite what a core has.
                PROGRAM_VERSION: version,
            },
        },
    }
