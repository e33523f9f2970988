# SPDX-License-Identifier: Apache-2.0
"""What CloudFormation deploys to all cameras: nucleus, log manager, the camera program."""

import json
from typing import Any

from aws_cdk import aws_greengrassv2 as greengrass
from aws_cdk import aws_iot as iot
from constructs import Construct

from contracts.inference_recipe import TOKEN_EXCHANGE
from infra.common.stack import environment_of
from infra.config.camera import CameraSettings
from infra.edge.component import CameraProgram

NUCLEUS = ("aws.greengrass.Nucleus", "2.17.0")
LOG_MANAGER = ("aws.greengrass.LogManager", "2.3.11")
TOKENS = (TOKEN_EXCHANGE, "2.0.3")
"""Pinned: without a version here, AWS may update them, and restart cameras, when it likes."""
LAMBDAS = {
    "aws.greengrass.LambdaManager": "2.3.8",
    "aws.greengrass.LambdaLauncher": "2.0.13",
    "aws.greengrass.LambdaRuntimes": "2.0.9",
}
"""What runs a Lambda component; without versions, Greengrass would add its latest ones.

They fit by the Greengrass developer guide: the manager's change log (2.3.8 is for nucleus 2.17.0),
the launcher's dependencies (manager >=2.0.0 <2.4.0); the runtimes have none. docs/packaging.md says
how to check them in an account.
"""
SETTLED_CAMERAS = 10
"""So many cameras must have answered before failures end the deployment. Its job stays open for
cameras that join later: with fewer, one failure among the first two would end it for all."""


class RuntimeDeployment(Construct):
    """The one deployment of the runtime group. Any change replaces it (all of it is create-only).

    A camera that cannot run the new components rolls back; too many of these stop the deployment.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        group: iot.CfnThingGroup,
        inference: CameraProgram,
        model_component: str,
    ) -> None:
        super().__init__(scope, construct_id)
        settings = environment_of(self).settings
        managed = _managed(settings.camera, (inference.name, model_component))
        self.deployment = greengrass.CfnDeployment(
            self,
            "Deployment",
            deployment_name=f"{settings.prefix}-runtime",
            target_arn=group.attr_arn,
            components={
                **managed,
                inference.name: _ours(inference.version, inference.merge),
            },
            deployment_policies={
                "failureHandlingPolicy": "ROLLBACK",
                "componentUpdatePolicy": {"action": "NOTIFY_COMPONENTS", "timeoutInSeconds": 60},
                "configurationValidationPolicy": {"timeoutInSeconds": 60},
            },
            iot_job_configuration={
                "jobExecutionsRolloutConfig": {
                    "maximumPerMinute": settings.rollout.cameras_per_minute
                },
                "abortConfig": {
                    "criteriaList": [
                        {
                            "action": "CANCEL",
                            "failureType": kind,
                            "minNumberOfExecutedThings": SETTLED_CAMERAS,
                            "thresholdPercentage": settings.rollout.maximum_failed_percent,
                        }
                        for kind in ("FAILED", "TIMED_OUT")
                    ]
                },
                "timeoutConfig": {"inProgressTimeoutInMinutes": settings.rollout.timeout_minutes},
            },
        )
        # The version is spelled out in the deployment; only this tells CloudFormation the order.
        self.deployment.add_resource_dependency(inference.component)


def _component(version: str, merge: dict[str, Any]) -> dict[str, Any]:
    configuration = json.dumps(merge, sort_keys=True, separators=(",", ":"))
    return {"componentVersion": version, "configurationUpdate": {"merge": configuration}}


def _ours(version: str, merge: dict[str, Any]) -> dict[str, Any]:
    """A component of ours: a camera keeps no configuration of earlier deployments and versions.

    The Java nucleus never lets the defaults of a new version replace a value that it has, and no
    nucleus forgets what a deployment no longer merges. The reset comes before the merge.
    """
    component = _component(version, merge)
    component["configurationUpdate"]["reset"] = [""]
    return component


def _managed(camera: CameraSettings, components: tuple[str, ...]) -> dict[str, Any]:
    """AWS's own components at pinned versions, where cameras have the Java nucleus.

    Nucleus lite is not updated by deployments and asks the cloud for whatever a deployment names:
    the cloud has none of these for it, and the deployment fails.
    """
    if not camera.manages_nucleus:
        return {}
    managed = {
        NUCLEUS[0]: _component(NUCLEUS[1], _nucleus()),
        LOG_MANAGER[0]: _component(LOG_MANAGER[1], _log_manager(components)),
    }
    if camera.packaging == "lambda":
        managed |= {name: {"componentVersion": version} for name, version in LAMBDAS.items()}
    if camera.uploads:
        managed[TOKENS[0]] = {"componentVersion": TOKENS[1]}
    return managed


def _nucleus() -> dict[str, Any]:
    # Lets {iot:thingName} be used in the access control below.
    return {"interpolateComponentConfiguration": True}


def _log_manager(components: tuple[str, ...]) -> dict[str, Any]:
    # Logs of the nucleus itself go to one group per account and region, whoever owns it; two
    # environments would share it, so they stay on the camera.
    upload = {
        "minimumLogLevel": "INFO",
        "diskSpaceLimit": "25",
        "diskSpaceLimitUnit": "MB",
        "deleteLogFileAfterCloudUpload": "false",
    }
    return {
        "logsUploaderConfiguration": {
            "componentLogsConfigurationMap": dict.fromkeys(components, upload),
            "systemLogsConfiguration": {"uploadToCloudWatch": "false"},
        },
        "periodicUploadIntervalSec": "300",
    }
