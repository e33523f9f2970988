# SPDX-License-Identifier: Apache-2.0
"""What cores tell AWS, said for them: their own status, and how deployments went."""

import json


def say_status(cloud, thing, components, *, health="HEALTHY"):
    """Publish a core's status; ``components`` are name to version and state."""
    message = {
        "ggcVersion": "2.17.0",
        "platform": "linux",
        "architecture": "amd64",
        "thing": thing,
        "overallDeviceStatus": health,
        "components": [
            {"componentName": name, "version": version, "status": state}
            for name, (version, state) in components.items()
        ],
    }
    cloud.client("iot-data").publish(
        topic=f"$aws/things/{thing}/greengrassv2/health/json", payload=json.dumps(message)
    )


def report(cloud, thing, deployment, status):
    """Report a deployment, as GetDeployment answers it, as finished on a core."""
    cloud.client("iot-jobs-data").update_job_execution(
        jobId=deployment["iotJobId"], thingName=thing, status=status
    )
