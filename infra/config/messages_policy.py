# SPDX-License-Identifier: Apache-2.0
"""The AWS IoT policy document for the messages that a camera may publish and receive.

It is not beside its construct because the settings are checked against its size.
"""

from collections.abc import Sequence
from typing import Any

THING = "${iot:Connection.Thing.ThingName}"
"""AWS IoT fills it in from the certificate's thing, so that a camera acts only as itself. It is
available for MQTT, not for Greengrass's HTTP calls (AWS limitation)."""


def messages_policy(region: str, account: str, topic_prefix: str) -> dict[str, Any]:
    """What a camera may publish and receive over MQTT, about itself only."""
    iot = f"arn:aws:iot:{region}:{account}"
    own = f"{topic_prefix}/{THING}"
    reserved = f"$aws/things/{THING}"
    managed = [f"{reserved}/jobs/*", f"{reserved}/shadow/*"]
    health = [f"{reserved}/greengrass/health/json", f"{reserved}/greengrassv2/health/json"]
    return document(
        statement(["iot:Connect"], [f"{iot}:client/{THING}"]),
        statement(
            ["iot:Publish"],
            [
                f"{iot}:topic/{topic}"
                for topic in (f"{own}/detections", f"{own}/telemetry", *managed, *health)
            ],
        ),
        statement(
            ["iot:Receive"],
            [f"{iot}:topic/{topic}" for topic in (f"{own}/commands", *managed)],
        ),
        statement(
            ["iot:Subscribe"],
            [f"{iot}:topicfilter/{topic}" for topic in (f"{own}/commands", *managed)],
        ),
    )


def statement(actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    """A statement of a policy of AWS IoT that allows these actions."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """A policy of AWS IoT with these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
