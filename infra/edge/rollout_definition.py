# SPDX-License-Identifier: Apache-2.0
"""The model rollout as a state machine: package, canary, bake, fleet; restore what fails.

``make rollout`` starts it with a ``request``: either to roll back, which deploys an earlier model
to both groups without a bake, or to undo what a stopped rollout left unfinished.

A pure function to the Amazon States Language. Each task is one action of the rollout function
(lambda/rollout/README.md), and each is safe to repeat.
"""

from collections.abc import Mapping
from typing import Any

_RETRIES = [
    {
        "ErrorEquals": [
            # Two executions may run at once if SageMaker sends an approval twice.
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

_REQUESTED = {f"{key}.$": f"$.request.{key}" for key in ("version", "since")}

_FROM_LOOK_TO_LOOK = ("memory",)
"""The part of a look's answer that the next look needs."""


def rollout_definition(
    *,
    function_arn: str,
    look_seconds: int,
    bake_minutes: int,
    timeout_minutes: int,
) -> dict[str, Any]:
    """The state machine. Its input is the approval event as EventBridge delivers it, or what
    tools/rollout_control.py sends."""

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

    def followed(name: str, group: str, *, then: str, otherwise: str) -> dict[str, Any]:
        """The states that check a group's deployment until it has succeeded or failed."""
        return {
            f"Check{name}": task(
                "check",
                _deployment(group),
                result="check",
                then=f"Judge{name}",
                on_error=otherwise,
            ),
            f"Judge{name}": {
                "Type": "Choice",
                "Choices": [_when("SUCCEEDED", then), _when("RUNNING", f"Wait{name}")],
                "Default": otherwise,
            },
            f"Wait{name}": {
                "Type": "Wait",
                "SecondsPath": "$.check.value.wait_seconds",
                "Next": f"Check{name}",
            },
        }

    states: dict[str, Any] = {
        "Start": {
            "Type": "Choice",
            "Choices": [_asked("undo", "Undo")],
            "Default": "Package",
        },
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
            then="Hurry",
        ),
        "Hurry": {
            "Type": "Choice",
            "Choices": [_asked("rollback", "RollBackCanary")],
            "Default": "Remember",
        },
        # The counts of the cameras before they get the model.
        "Remember": task("remember", {}, result="past", then="DeployCanary"),
    }
    version = {"version.$": "$.package.value.version"}
    for group, then in (("canary", "Bake"), ("fleet", "Done")):
        name = group.capitalize()
        states |= {
            f"Deploy{name}": task(
                "deploy",
                {"group": group, **version},
                result=group,
                then=f"Check{name}",
            ),
            **followed(name, group, then=then, otherwise=f"Restore{name}"),
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
        # The first look has no predecessor. Empty, not null: CDK omits nulls from a template, and
        # Step Functions fails if a path does not exist.
        "Bake": {
            "Type": "Pass",
            "Result": {"value": dict.fromkeys(_FROM_LOOK_TO_LOOK, "")},
            "ResultPath": "$.check",
            "Next": "Look",
        },
        "Look": task(
            "look",
            {
                "started_at.$": "$.canary.value.started_at",
                "past.$": "$.past.value.past",
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
        # Cameras had this model before, so there is no bake, and a camera that fails gets nothing
        # else.
        "RollBackCanary": task(
            "deploy", {"group": "canary", **version}, result="canary", then="RollBackFleet"
        ),
        "RollBackFleet": task(
            "deploy", {"group": "fleet", **version}, result="fleet", then="CheckRollBack"
        ),
        **followed("RollBack", "fleet", then="Done", otherwise="Failed"),
        "Undo": task("undo", _REQUESTED, result="undone", then="Settle"),
        # A step's call that was running when its execution was stopped may still deploy.
        "Settle": {"Type": "Wait", "SecondsPath": "$.request.settle_seconds", "Next": "UndoAgain"},
        "UndoAgain": task("undo", _REQUESTED, result="undone_again", then="Done"),
        "Done": {"Type": "Succeed"},
        "Failed": {
            "Type": "Fail",
            "Error": "ModelRolloutFailed",
            "CausePath": "States.JsonToString($.check)",
        },
    }
    return {
        "Comment": "Rolls an approved model out to the cameras: canaries first, then the fleet",
        "StartAt": "Start",
        # Both groups may use the whole time that cameras get to answer, and a bake without a
        # message from any canary lasts twice as long.
        "TimeoutSeconds": (2 * timeout_minutes + 2 * bake_minutes + 30) * 60,
        "States": states,
    }


def _when(status: str, then: str) -> dict[str, str]:
    return {"Variable": "$.check.value.status", "StringEquals": status, "Next": then}


def _asked(action: str, then: str) -> dict[str, Any]:
    variable = "$.request.action"
    asked = [{"Variable": variable, "IsPresent": True}]
    return {"And": [*asked, {"Variable": variable, "StringEquals": action}], "Next": then}


def _deployment(group: str) -> dict[str, str]:
    keys = ("deployment_id", "started_at")
    return {"group": group, **{f"{key}.$": f"$.{group}.value.{key}" for key in keys}}
