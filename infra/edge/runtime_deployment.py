# SPDX-License-Identifier: Apache-2.0
"""The deployment to all cameras by CloudFormation: nucleus, log manager, camera program."""

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
"""Pinned: without a version here, AWS may update them and restart cameras at any time."""
LAMBDAS = {
    "aws.greengrass.LambdaManager": "2.3.8",
    "aws.greengrass.LambdaLauncher": "2.0.13",
    "aws.greengrass.LambdaRuntimes": "2.0.9",
}
"""The components that run a Lambda component; without versions, Greengrass would add its latest
ones.

They are compatible according to the Greengrass developer guide: the manager's change log (2.3.8 is
for nucleus 2.17.0), the launcher's dependencies (manager >=2.0.0 <2.4.0); the runtimes have none.
docs/packaging.md says how to check them in an account.
"""
SETTLED_CAMERAS = 10
"""Number of cameras that must have answered before failures end the deployment. Its job stays open
for cameras that join later: with a lower number, one failure among the first two cameras would end
it for all."""


class RuntimeDeployment(Construct):
    """The one deployment of the runtime group. Any change replaces it (all of it is create-only).

    A camera that cannot run the new components rolls back; too many such cameras stop the
    deployment.
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
        # The deployment contains the version as text, so CloudFormation needs an explicit order.
        self.deployment.add_resource_dependency(inference.component)


def _component(version: str, merge: dict[str, Any]) -> dict[str, Any]:
    configuration = json.dumps(merge, sort_keys=True, separators=(",", ":"))
    return {"componentVersion": version, "configurationUpdate": {"merge": configuration}}


def _ours(version: str, merge: dict[str, Any]) -> dict[str, Any]:
    """One of our components, without the configuration of earlier deployments and versions. The
    Java nucleus never replaces an existing value by a new version's default, and no nucleus removes
    values that a deployment no longer merges.

    So the configuration is reset before the merge.
    """
    component = _component(version, merge)
    component["configurationUpdate"]["reset"] = [""]
    return component


def _managed(camera: CameraSettings, components: tuple[str, ...]) -> dict[str, Any]:
    """AWS's own components at pinned versions, where cameras have the Java nucleus.

    Deployments do not update nucleus lite, which requests every component of a deployment from the
    cloud. The cloud has none of these for it, and the deployment would fail.
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
    # The nucleus's own logs go to one log group per account and region, which two environments
    # would share, so they stay on the camera.
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
