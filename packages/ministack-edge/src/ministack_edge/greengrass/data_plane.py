# SPDX-License-Identifier: Apache-2.0
"""Greengrass's data plane: what a core asks for itself, with its certificate.

Each call is an action in the certificate's AWS IoT policies. Two of them have no resource there
(Greengrass developer guide, "Device authentication and authorization").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from ministack.services import iot

from ministack_edge.greengrass import candidates, components
from ministack_edge.iot import device_https
from ministack_edge.iot.device_https import Request
from ministack_edge.protocol import Answer, AwsError, Document, answer, arn

V2 = "/greengrass/v2"
ANY = "*"

# Set by the server: turns a component's code into a URL that needs no signature.
artifact_url: Callable[[str, str], str] = lambda component, name: f"{component}/{name}"  # noqa: E731


def _resolve(_parts: dict[str, str], body: Document) -> Document:
    return candidates.resolve(body)


def _artifact(parts: dict[str, str], _body: Document) -> Document:
    components.lambda_artifact(parts["arn"], parts["name"])
    return {"preSignedUrl": artifact_url(parts["arn"], parts["name"])}


def _thing_groups(parts: dict[str, str], _body: Document) -> Document:
    return {
        "thingGroups": [
            {"thingGroupName": name, "thingGroupArn": arn("iot", f"thinggroup/{name}")}
            for name, group in sorted(iot._thing_groups.items())
            if parts["thing"] in group.get("things", [])
        ]
    }


_Operation = Callable[[dict[str, str], Document], Document]

_ROUTES: tuple[tuple[str, str, str, Callable[[dict[str, str]], str], _Operation], ...] = (
    (
        "ResolveComponentCandidates",
        "POST",
        rf"{V2}/resolveComponentCandidates",
        lambda _parts: ANY,
        _resolve,
    ),
    (
        "GetComponentVersionArtifact",
        "GET",
        rf"{V2}/components/(?P<arn>[^/]+)/artifacts/(?P<name>.+)",
        lambda parts: parts["arn"],
        _artifact,
    ),
    (
        "ListThingGroupsForCoreDevice",
        "GET",
        rf"{V2}/coreDevices/(?P<thing>[^/]+)/thingGroups",
        lambda parts: arn("iot", f"thing/{parts['thing']}"),
        _thing_groups,
    ),
)


def is_here(method: str, path: str) -> bool:
    """Whether AWS answers a request here only, and not to somebody who signs it."""
    return any(method == verb and re.fullmatch(pattern, path) for _, verb, pattern, _, _ in _ROUTES)


def _respond(request: Request) -> Answer:
    for name, method, pattern, resource, operation in _ROUTES:
        match = re.fullmatch(pattern, request.path)
        if match is None or request.method != method:
            continue
        parts = {key: unquote(value) for key, value in match.groupdict().items()}
        action, asked = f"greengrass:{name}", resource(parts)
        if not request.certificate.allows(action, asked):
            raise AwsError(
                "AccessDeniedException",
                f"{request.certificate.arn} is not authorized to perform {action} on {asked}",
                status=403,
            )
        return answer(operation(parts, request.document()))
    raise AwsError(
        "ResourceNotFoundException",
        f"Greengrass's data plane has no {request.method} {request.path}",
        status=404,
    )


def install() -> None:
    """Answer cores."""
    device_https.add(f"{V2}/", _respond)
