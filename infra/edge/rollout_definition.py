# SPDX-License-Identifier: Apache-2.0
"""The model rollout as a state machine: package, canary, bake, fleet; restore what fails.

A pure function to the Amazon States Language. Each task is one action of the rollout function
(lambda/rollout/README.md), and each is safe to repeat.
"""

from collections.abc import Mapping
from typing import Any

_RETRIES = [
    {
        "ErrorEquals": [
            # Two executions may meet, where SageMaker tells of one approval twice.
            "ConflictException",
            "InternalServerException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.ServiceException",
            "Lambda.TooManyRequestsException",
            "RequestAlreadyInProgressException",
            "ThrottlingException",
        ],
        "IntervalSeconds": 2,
        "MaxAttempts": 6,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    }
]

_FROM_LOOK_TO_LOOK = ("memory",)
"""What a look at the canaries answers for the next one."""


def rollout_definition(
    *,
    function_arn: str,
    check_seconds: int,
    look_seconds: int,
    bake_minutes: int,
    timeout_minutes: int,
) -> dict[str, Any]:
    """The state machine. Its input is the approval event as EventBridge delivers it."""

    def task(
        action: str, values: Mapping[str, str], *, result: str, then: str, on_error: str = ""
    ) -> dict[str, Any]:
        state: dict[str, Any] = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": function_arn,
                "Payload": {"action": action, **values},
            },
            "ResultSelector": {"value.$": "$.Payload"},
            "ResultPath": f"$.{result}",
            "TimeoutSeconds": 120,
            "Retry": _RETRIES,
            "Next": then,
        }
        if on_error:
            state["Catch"] = [
                {"ErrorEquals": ["States.ALL"], "ResultPath": "$.check", "Next": on_error}
            ]
        return state

    states: dict[str, Any] = {
        "Package": task(
            "package",
            {"model_package_arn.$": "$.detail.ModelPackageArn"},
            result="package",
            then="CreateComponent",
        ),
        "CreateComponent": task(
            "create_component",
            {
                f"{key}.$": f"$.package.value.{key}"
                for key in ("version", "digest", "archive_uri", "adopt_uri")
            },
            result="component",
            then="DeployCanary",
        ),
    }
    for group, then in (("canary", "Bake"), ("fleet", "Done")):
        name = group.capitalize()
        states |= {
            f"Deploy{name}": task(
                "deploy",
                {"group": group, "version.$": "$.package.value.version"},
                result=group,
                then=f"Check{name}",
            ),
            f"Check{name}": task(
                "check",
                {
                    "group": group,
                    "deployment_id.$": f"$.{group}.value.deployment_id",
                    "started_at.$": f"$.{group}.value.started_at",
                },
                result="check",
                then=f"Judge{name}",
                on_error=f"Restore{name}",
            ),
            f"Judge{name}": {
                "Type": "Choice",
                "Choices": [
                    _when("SUCCEEDED", then),
                    _when("RUNNING", f"Wait{name}"),
                ],
                "Default": f"Restore{name}",
            },
            f"Wait{name}": {"Type": "Wait", "Seconds": check_seconds, "Next": f"Check{name}"},
            f"Restore{name}": task(
                "restore",
                {
                    "group": group,
                    "deployment_id.$": f"$.{group}.value.deployment_id",
                    "previous_version.$": f"$.{group}.value.previous_version",
                },
                result="restored",
                then="Failed",
            ),
        }
    states |= {
        # The first look has none before it.
        "Bake": {
            "Type": "Pass",
            "Result": {"value": dict.fromkeys(_FROM_LOOK_TO_LOOK)},
            "ResultPath": "$.check",
            "Next": "Look",
        },
        "Look": task(
            "look",
            {
                "started_at.$": "$.canary.value.started_at",
                **{f"{key}.$": f"$.check.value.{key}" for key in _FROM_LOOK_TO_LOOK},
            },
            result="check",
            then="JudgeLook",
            on_error="RestoreCanary",
        ),
        "JudgeLook": {
            "Type": "Choice",
            "Choices": [_when("SUCCEEDED", "DeployFleet"), _when("RUNNING", "WaitLook")],
            "Default": "RestoreCanary",
        },
        "WaitLook": {"Type": "Wait", "Seconds": look_seconds, "Next": "Look"},
        "Done": {"Type": "Succeed"},
        "Failed": {
            "Type": "Fail",
            "Error": "ModelRolloutFailed",
            "CausePath": "States.JsonToString($.check)",
        },
    }
    return {
        "Comment": "Takes an approved model to the cameras: canaries first, then the fleet",
        "StartAt": "Package",
        # Both groups may take the whole time that cameras get to answer.
        "TimeoutSeconds": (2 * timeout_minutes + bake_minutes + 30) * 60,
        "States": states,
    }


def _when(status: str, then: str) -> dict[str, str]:
    return {"Variable": "$.check.value.status", "StringEquals": status, "Next": then}
