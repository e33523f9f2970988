# SPDX-License-Identifier: Apache-2.0
"""Fleet provisioning by claim, as a camera asks for it: a certificate, then a thing by a template.

On AWS a camera publishes these two requests over MQTT with its claim certificate. ministack applies
the template; what that writes is decided for the template's provisioning role.
"""

from __future__ import annotations

import json

from ministack.core.responses import get_account_id, get_region
from ministack.services import iot

from ministack_edge.protocol import AwsError, Document

SESSION = "IoTProvisioning"


async def provision(template: str, parameters: Document) -> Document:
    """Make a certificate and register a thing with it; the template's parameters say which.

    Returns AWS IoT's answer to the second request, with the certificate's id beside it.
    """
    place = (get_account_id(), get_region())
    kind, issued = await iot._fleet_provisioning_reply(*place, "create", None, b"", {})
    if kind == "accepted":
        request = {
            "certificateOwnershipToken": issued["certificateOwnershipToken"],
            "parameters": parameters,
        }
        body = json.dumps(request).encode()
        kind, made = await iot._fleet_provisioning_reply(*place, "provision", template, body, {})
        if kind == "accepted":
            return {**made, "certificateId": issued["certificateId"]}
        issued = made
    raise AwsError(issued["errorCode"], issued["errorMessage"], status=issued["statusCode"])


def role_allows(role: str, requests: list[tuple[str, str]]) -> bool:
    """Whether the provisioning role may make these calls; each is decided and recorded."""
    from ministack_edge.enforcement.actors import become  # noqa: PLC0415 - only if enforced
    from ministack_edge.enforcement.decisions import AccessDeniedError  # noqa: PLC0415

    try:
        actor = become(role, "iot.amazonaws.com", session=SESSION)
    except AccessDeniedError:
        return False
    decisions = [actor.decide(action, arn) for action, arn in requests]
    return all(decision.allowed for decision in decisions)
