# SPDX-License-Identifier: Apache-2.0
"""AWS IoT's credentials provider: a device's certificate for AWS credentials of a role alias.

What it answers, and what it looks at first, is what people have measured on AWS: the thing, the
policy, the alias, the role, in this order.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from ministack.services import iam, iot

from ministack_edge.enforcement.actors import become
from ministack_edge.enforcement.actors import credentials as session_credentials
from ministack_edge.enforcement.decisions import AccessDeniedError
from ministack_edge.enforcement.policies import role_name
from ministack_edge.iot import device_https, role_aliases
from ministack_edge.iot.device_https import Request
from ministack_edge.protocol import Answer, AwsError, answer, iso, now

PREFIX = "/role-aliases/"
SERVICE = "credentials.iot.amazonaws.com"
THING_HEADER = "x-amzn-iot-thingname"
_PATH = re.compile(rf"{PREFIX}(?P<alias>[^/]+)/credentials")


def _respond(request: Request) -> Answer:
    match = _PATH.fullmatch(request.path)
    if match is None or request.method != "GET":
        raise AwsError("ResourceNotFoundException", "There is no such path", status=404)
    certificate, name = request.certificate, unquote(match["alias"])
    thing = request.headers.get(THING_HEADER, "")
    if thing and not certificate.has_thing(thing):
        raise AwsError("AccessDeniedException", "Invalid thing name passed", status=403)
    alias_arn = role_aliases.alias_arn(name)
    if not certificate.allows("iot:AssumeRoleWithCertificate", alias_arn):
        raise AwsError("AccessDeniedException", "Access Denied", status=403)
    alias = role_aliases.get(name)
    if alias is None:
        raise AwsError("ResourceNotFoundException", "Role alias does not exist", status=404)
    role, seconds = alias["roleArn"], alias["credentialDurationSeconds"]
    try:
        actor = become(role, SERVICE, source_arn=alias_arn, session=certificate.id)
    except AccessDeniedError as error:
        raise AwsError(
            "InvalidRequestException",
            "Unable to assume the role, or the role to assume does not exist",
        ) from error
    known = iam._roles.get_scoped(certificate.account, None, role_name(role)) or {}
    if seconds > int(known.get("MaxSessionDuration") or role_aliases.DEFAULT_DURATION):
        raise AwsError(
            "InvalidRequestException",
            "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the "
            "role",
        )
    found = session_credentials(actor, seconds=seconds, variables=_variables(certificate.id, thing))
    return answer(
        {
            "credentials": {
                "accessKeyId": found["AWS_ACCESS_KEY_ID"],
                "secretAccessKey": found["AWS_SECRET_ACCESS_KEY"],
                "sessionToken": found.get("AWS_SESSION_TOKEN", ""),
                "expiration": iso(now() + seconds),
            }
        }
    )


def _variables(certificate_id: str, thing: str) -> dict[str, str]:
    """What the role's policies may name; the thing's only where the request named it."""
    found = {"credentials-iot:AwsCertificateId": certificate_id}
    if thing:
        found["credentials-iot:ThingName"] = thing
        if kind := iot._things[thing].get("thingTypeName"):
            found["credentials-iot:ThingTypeName"] = kind
    return found


def install() -> None:
    """Answer devices that ask for credentials."""
    device_https.add(PREFIX, _respond)
