# SPDX-License-Identifier: Apache-2.0
"""IoT role aliases: the API that ministack lacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from ministack.core.responses import get_account_id

from ministack_edge import ministack_patches, tags
from ministack_edge.protocol import (
    Answer,
    AwsError,
    Document,
    answer,
    arn,
    not_found,
    now,
    page,
    store,
    with_token,
)

PATH = "/role-aliases"
DURATIONS = (900, 43200)
DEFAULT_DURATION = 3600

_aliases: Any = store()


def alias_arn(name: str) -> str:
    """The ARN of a role alias."""
    return arn("iot", f"rolealias/{name}")


def create(name: str, request: Document) -> Document:
    """CreateRoleAlias."""
    if name in _aliases:
        raise AwsError(
            "ResourceAlreadyExistsException", f"Role alias {name} already exists.", status=409
        )
    if not request.get("roleArn"):
        raise AwsError("InvalidRequestException", "roleArn is required")
    _aliases[name] = {
        "roleAlias": name,
        "roleAliasArn": alias_arn(name),
        "roleArn": request["roleArn"],
        "owner": get_account_id(),
        "credentialDurationSeconds": _duration(request),
        "creationDate": now(),
        "lastModifiedDate": now(),
    }
    tags.put(alias_arn(name), request.get("tags"))
    return {"roleAlias": name, "roleAliasArn": alias_arn(name)}


def _duration(request: Document) -> int:
    seconds = int(request.get("credentialDurationSeconds") or DEFAULT_DURATION)
    low, high = DURATIONS
    if not low <= seconds <= high:
        raise AwsError(
            "InvalidRequestException",
            f"credentialDurationSeconds = {seconds} must be between {low} and {high}",
        )
    return seconds


def get(name: str) -> Document | None:
    """The stored role alias; None where there is none."""
    alias: Document | None = _aliases.get(name)
    return alias


def find(name: str) -> Document:
    """The stored role alias; raises AwsError where there is none."""
    alias = get(name)
    if alias is None:
        raise not_found(f"Role alias {name} does not exist")
    return alias


def update(name: str, request: Document) -> Document:
    """UpdateRoleAlias."""
    alias = find(name)
    if request.get("roleArn"):
        alias["roleArn"] = request["roleArn"]
    if request.get("credentialDurationSeconds"):
        alias["credentialDurationSeconds"] = _duration(request)
    alias["lastModifiedDate"] = now()
    return {"roleAlias": name, "roleAliasArn": alias["roleAliasArn"]}


def delete(name: str) -> Document:
    """DeleteRoleAlias."""
    find(name)
    _aliases.pop(name)
    tags.forget(alias_arn(name))
    return {}


def _list(query: Document) -> Document:
    names = sorted(_aliases.keys(), reverse=query.get("isAscendingOrder") == "false")
    items, token = page(names, size=query.get("pageSize"), token=query.get("marker"))
    return with_token({"roleAliases": items}, "nextMarker", token)


def _route(method: str, path: str, body: bytes, query: Document) -> Answer:
    document = json.loads(body or b"{}")
    if path == PATH and method == "GET":
        return answer(_list(query))
    name, _, rest = unquote(path[len(PATH) + 1 :]).partition("/")
    if rest:
        raise AwsError("InvalidRequestException", f"Unsupported IoT path: {method} {path}")
    if method == "POST":
        return answer(create(name, document))
    if method == "GET":
        return answer({"roleAliasDescription": find(name)})
    if method == "PUT":
        return answer(update(name, document))
    if method == "DELETE":
        return answer(delete(name))
    raise AwsError("InvalidRequestException", f"Unsupported IoT path: {method} {path}")


def install() -> None:
    """Answer the role alias calls of the IoT service; the rest stays ministack's."""

    def wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
        ) -> Answer:
            if path != PATH and not path.startswith(f"{PATH}/"):
                result: Answer = await original(method, path, headers, body, query)
                return result
            flat = {
                key: value[0] if isinstance(value, list) else value for key, value in query.items()
            }
            try:
                return _route(method, path, body, flat)
            except AwsError as error:
                return error.answer()

        return handle

    ministack_patches.wrap("ministack.services.iot", "handle_request", wrapper)
