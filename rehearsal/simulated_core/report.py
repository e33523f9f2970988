# SPDX-License-Identifier: Apache-2.0
"""How a simulated core tells the local AWS about itself; a real one does it over MQTT."""

import json
import urllib.request
from collections.abc import Mapping
from urllib.parse import quote

from rehearsal.aws_client import Cloud


def report_deployment(
    cloud: Cloud, *, thing: str, deployment_id: str, components: Mapping[str, str], failure: str
) -> None:
    """Report a deployment as finished on this device: succeeded, or failed with the reason."""
    body = {
        "deploymentId": deployment_id,
        "status": "FAILED" if failure else "SUCCEEDED",
        "reason": failure,
        "components": dict(components),
    }
    request = urllib.request.Request(  # noqa: S310 - the address of the local AWS
        f"{cloud.endpoint}/_edge/core-devices/{thing}"
        f"?account={cloud.account}&region={cloud.region}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - as above
        pass


def publish(cloud: Cloud, topic: str, payload: bytes) -> None:
    """Publish to AWS IoT for a component."""
    request = urllib.request.Request(  # noqa: S310 - the address of the local AWS
        f"{cloud.iot_endpoint}/topics/{quote(topic, safe='/')}?qos=1", data=payload, method="POST"
    )
    with urllib.request.urlopen(request, timeout=15):  # noqa: S310 - as above
        pass
