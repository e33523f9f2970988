# SPDX-License-Identifier: Apache-2.0
"""The AWS IoT policy documents for requests other than messages."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iot as iot

from infra.common.stack import EnvironmentStack
from infra.config.messages_policy import document, statement


def greengrass_policy(environment: EnvironmentStack, alias: iot.CfnRoleAlias) -> dict[str, Any]:
    """What a camera's nucleus may request over HTTPS: deployments, artifacts, AWS credentials."""
    prefix = environment.settings.prefix
    public_components = environment.format_arn(
        service="greengrass",
        account="aws",
        resource="components",
        resource_name="aws.greengrass.*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    return document(
        # In a policy of AWS IoT neither of these has a resource (Greengrass developer guide,
        # "Device authentication and authorization"); the first is refused without *.
        statement(
            ["greengrass:ResolveComponentCandidates", "greengrass:GetDeploymentConfiguration"],
            ["*"],
        ),
        statement(
            ["greengrass:ListThingGroupsForCoreDevice"],
            [environment.arn("iot", f"thing/{prefix}-*")],
        ),
        statement(
            ["greengrass:GetComponentVersionArtifact"],
            [environment.arn("greengrass", f"components:{prefix}.*"), public_components],
        ),
        statement(["iot:AssumeRoleWithCertificate"], [alias.attr_role_alias_arn]),
    )


def claim_policy(environment: EnvironmentStack, template: str) -> dict[str, Any]:
    """What a claim certificate may do: request a camera's own certificate.

    Cameras without an identity share it, so it may not connect as a camera: AWS IoT ends the older
    of two connections with the same client id. It connects as ``<prefix>-claim-…``, which the Java
    nucleus is configured for, or as a UUID, which nucleus lite generates (``?`` is any one
    character). The pre-provisioning hook refuses serial numbers that would result in such names.
    """
    uuid = "-".join("?" * length for length in (8, 4, 4, 4, 12))
    clients = [f"client/{environment.settings.prefix}-claim-*", f"client/{uuid}"]
    topics = [
        "$aws/certificates/create/*",
        # Nucleus lite generates its own key and sends only a signing request.
        "$aws/certificates/create-from-csr/*",
        f"$aws/provisioning-templates/{template}/provision/*",
    ]
    return document(
        statement(["iot:Connect"], [environment.arn("iot", client) for client in clients]),
        statement(
            ["iot:Publish", "iot:Receive"],
            [environment.arn("iot", f"topic/{topic}") for topic in topics],
        ),
        statement(
            ["iot:Subscribe"], [environment.arn("iot", f"topicfilter/{topic}") for topic in topics]
        ),
    )
