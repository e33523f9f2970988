# SPDX-License-Identifier: Apache-2.0
"""The camera program: a Lambda function's published version as a Greengrass component."""

import hashlib
import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_greengrassv2 as greengrass
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from contracts.components import PROGRAM_VERSION, content_version
from contracts.inference_recipe import TOKEN_EXCHANGE, TOKEN_EXCHANGE_VERSIONS, access_control
from contracts.silence import ON_CAMERAS
from infra.assets.definitions import INFERENCE
from infra.common.asset import archive
from infra.common.function import Function
from infra.common.stack import environment_of
from infra.config.camera import CameraSettings
from infra.edge.component import camera_variables

PLATFORM = {"os": "linux", "architecture": "amd64"}
"""The platform of the packages in the archive; other cores must not install the component."""

_ON_CAMERAS_ONLY = "The function runs on cameras, as a Greengrass component; in the cloud it is "
_ACKNOWLEDGED = {
    "AwsSolutions-L1": "The component runs with the Python 3.11 of the camera, and its packages "
    "are built for that version; a newer runtime here would not be what cameras run.",
    "NIST.800.53.R5-LambdaConcurrency": _ON_CAMERAS_ONLY + "reserved zero executions, which the "
    "rule takes for no limit.",
    "NIST.800.53.R5-LambdaDLQ": _ON_CAMERAS_ONLY + "never invoked, so there are no failed events.",
    "NIST.800.53.R5-LambdaInsideVPC": _ON_CAMERAS_ONLY + "never invoked, so it needs no network.",
}


class LambdaComponent(Construct):
    """Publishes the camera program's code and imports that version as the component.

    The component's version is ``<function version>.<n>.<n>``, the two numbers from the content of
    code and parameters. Any change publishes a new function version, so going back to earlier
    content creates a new version too and never meets an existing one (docs/adr/0003).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        component_name: str,
        captures: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        settings = environment_of(self).settings
        # The bucket's name is known at deployment only, and its place in the text is not content.
        parameters = _parameters(camera_variables(settings, "captures"))
        dependencies = _dependencies(settings.camera)
        document = json.dumps(
            [component_name, archive(INFERENCE).digest, parameters, dependencies, PLATFORM],
            sort_keys=True,
        )
        content = hashlib.sha256(document.encode()).hexdigest()
        function = Function(
            self,
            "Code",
            code=INFERENCE,
            description="Camera program; runs on cameras as a Greengrass component",
            handler="camera_handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_11,
            memory_size=512,
            timeout=cdk.Duration.seconds(60),
            # Parameters are part of the component, so changing them must publish a version too.
            environment={"BINSIGHT_COMPONENT_CONTENT": content},
            acknowledged=_ACKNOWLEDGED,
            runs=False,
            reserved_concurrent_executions=0,
        )
        version = lambda_.Version(
            self,
            f"Version{content[:12]}",
            lambda_=function.function,
            description=f"Content {content[:16]}",
            # A component version keeps pointing at its function version; cameras may roll back.
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        self.name = component_name
        self.version = content_version(content, major=version.version)
        # The recipe of an imported function is generated, so its permissions are merged in.
        self.merge = {"accessControl": access_control(component_name, settings.topics)}
        self.component = greengrass.CfnComponentVersion(
            self,
            "Component",
            lambda_function={
                "lambdaArn": version.function_arn,
                "componentName": component_name,
                "componentVersion": self.version,
                "componentPlatforms": [{"name": "Linux", "attributes": PLATFORM}],
                "componentLambdaParameters": _parameters(
                    camera_variables(settings, captures.bucket_name)
                    | {PROGRAM_VERSION: self.version}
                ),
                **({"componentDependencies": dependencies} if dependencies else {}),
            },
        )
        # If data is retained, replaced versions stay so that cameras can go back to them. The last
        # one is deleted with its stack: a new function starts at 1 again, and its version would
        # already exist.
        kept = cdk.CfnDeletionPolicy.RETAIN if settings.keeps_data else cdk.CfnDeletionPolicy.DELETE
        self.component.cfn_options.update_replace_policy = kept
        self.component.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.DELETE


def _dependencies(camera: CameraSettings) -> dict[str, Any]:
    """Uploads need the credentials that this component provides."""
    if not camera.uploads:
        return {}
    return {
        TOKEN_EXCHANGE: {
            "versionRequirement": TOKEN_EXCHANGE_VERSIONS,
            "dependencyType": "HARD",
        }
    }


def _parameters(variables: dict[str, str]) -> dict[str, Any]:
    return {
        # Long-lived: the program starts with the camera and runs until it is replaced.
        "pinned": True,
        "timeoutInSeconds": 60,
        "statusTimeoutInSeconds": 60,
        "inputPayloadEncodingType": "json",
        "maxQueueSize": 100,
        # Containers need cgroup v1, and the camera's device is outside them.
        "linuxProcessParams": {"isolationMode": "NoContainer"},
        "environmentVariables": {**ON_CAMERAS, **variables},
    }
