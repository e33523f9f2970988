# SPDX-License-Identifier: Apache-2.0
"""Events as the functions get them."""

from datetime import UTC, datetime

CAMERA = "cam-1"


def telemetry(thing, received_ms, **more):
    return {"thing": thing, "kind": "telemetry", "received_ms": received_ms, **more}


def presence(thing, received_ms, event):
    return {"thing": thing, "kind": "presence", "received_ms": received_ms, "event": event}


def deployment_event(thing, deployment, status, *, at_ms=0, reason=""):
    """As in AWS's developer guide ("Deployment status change event")."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return {
        "detail-type": "Greengrass V2 Effective Deployment Status Change",
        "source": "aws.greengrass",
        "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "resources": [f"arn:aws:greengrass:us-east-1:111111111111:coreDevices:{thing}"],
        "detail": {
            "deploymentId": deployment,
            "coreDeviceExecutionStatus": status,
            "reason": reason,
        },
    }


def component_event(thing, component, state, *, at_ms=0):
    """As in AWS's developer guide ("Component status change event")."""
    event = deployment_event(thing, "", "", at_ms=at_ms)
    changed = {"componentName": component, "componentVersion": "1.0.0", "lifecycleState": state}
    return event | {
        "detail-type": "Greengrass V2 Installed Component Status Change",
        "detail": {"components": [changed]},
    }
