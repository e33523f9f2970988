# SPDX-License-Identifier: Apache-2.0
"""What a camera's certificate may do in AWS IoT, as the documents that AWS IoT reads."""

from collections.abc import Sequence
from typing import Any

THING = "${iot:Connection.Thing.ThingName}"
"""Filled in by AWS IoT from the certificate's own thing: a camera acts as itself only. AWS IoT
knows it for MQTT, not for Greengrass's HTTP calls (AWS limitation)."""


def messages_policy(region: str, account: str, topic_prefix: str) -> dict[str, Any]:
    """What a camera may say and hear over MQTT, about itself only."""
    iot = f"arn:aws:iot:{region}:{account}"
    own = f"{topic_prefix}/{THING}"
    reserved = f"$aws/things/{THING}"
    managed = [f"{reserved}/jobs/*", f"{reserved}/shadow/*"]
    health = [f"{reserved}/greengrass/health/json", f"{reserved}/greengrassv2/health/json"]
    return _document(
        _statement(["iot:Connect"], [f"{iot}:client/{THING}"]),
        _statement(
            ["iot:Publish"],
            [
                f"{iot}:topic/{topic}"
                for topic in (f"{own}/detections", f"{own}/telemetry", *managed, *health)
            ],
        ),
        _statement(
            ["iot:Receive"],
            [f"{iot}:topic/{topic}" for topic in (f"{own}/commands", *managed)],
        ),
        _statement(
            ["iot:Subscribe"],
            [f"{iot}:topicfilter/{topic}" for topic in (f"{own}/commands", *managed)],
        ),
    )


def greengrass_policy(
    region: str, account: str, prefix: str, role_alias_arn: str
) -> dict[str, Any]:
    """What a camera's nucleus may ask over HTTPS: deployments, artifacts, AWS credentials."""
    greengrass = f"arn:aws:greengrass:{region}"
    return _document(
        # In a policy of AWS IoT neither of these has a resource (Greengrass developer guide,
        # "Device authentication and authorization"); the first is refused without *.
        _statement(
            ["greengrass:ResolveComponentCandidates", "greengrass:GetDeploymentConfiguration"],
            ["*"],
        ),
        _statement(
            ["greengrass:ListThingGroupsForCoreDevice"],
            [f"arn:aws:iot:{region}:{account}:thing/{prefix}-*"],
        ),
        _statement(
            ["greengrass:GetComponentVersionArtifact"],
            [
                f"{greengrass}:{account}:components:{prefix}.*",
                f"{greengrass}:aws:components:aws.greengrass.*",
            ],
        ),
        _statement(["iot:AssumeRoleWithCertificate"], [role_alias_arn]),
    )


def claim_policy(region: str, account: str, template: str) -> dict[str, Any]:
    """What a claim certificate may do: ask for a certificate, under any client id.

    It is shared by cameras that have no identity yet.
    """
    iot = f"arn:aws:iot:{region}:{account}"
    topics = [
        "$aws/certificates/create/*",
        # Nucleus lite makes its key itself and asks with a signing request only.
        "$aws/certificates/create-from-csr/*",
        f"$aws/provisioning-templates/{template}/provision/*",
    ]
    return _document(
        _statement(["iot:Connect"], [f"{iot}:client/*"]),
        _statement(["iot:Publish", "iot:Receive"], [f"{iot}:topic/{topic}" for topic in topics]),
        _statement(["iot:Subscribe"], [f"{iot}:topicfilter/{topic}" for topic in topics]),
    )


def _statement(actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
