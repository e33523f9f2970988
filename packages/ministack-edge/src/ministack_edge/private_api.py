# SPDX-License-Identifier: Apache-2.0
"""What is not AWS: failures of pipeline steps and of CloudFormation resources on order, what the
server knows of itself, and where the URLs lead that Greengrass presigns.

All of it is below /_edge/, so nothing that also runs on AWS can use it by accident.
"""

from __future__ import annotations

import importlib
import json
import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.core.router import extract_access_key_id, extract_region

from ministack_edge.cloudformation import refusals
from ministack_edge.enforcement import inventory
from ministack_edge.enforcement.ledger import ledger
from ministack_edge.greengrass import components, data_plane
from ministack_edge.protocol import Answer, AwsError, Document, answer
from ministack_edge.sagemaker import step_retries
from ministack_edge.server_config import config

PREFIX = "/_edge/"
PROTOCOL = b"x-forwarded-proto"

ORDERS = {"failures": step_retries.order, "stack-failures": refusals.order}
"""Failures on order: of a pipeline's step, of a resource that CloudFormation makes."""

_artifacts: dict[str, tuple[str, str, str, str]] = {}


async def _artifact(token: str) -> Answer:
    if token not in _artifacts:
        raise AwsError("AccessDenied", "The request signature does not match", status=403)
    account, region, component, name = _artifacts[token]
    with request_scope(account, region):
        body = components.lambda_artifact(component, name)
    return 200, {"Content-Type": "application/zip", "Content-Length": str(len(body))}, body


def _artifact_url(endpoint: str) -> Callable[[str, str], str]:
    def url(component: str, name: str) -> str:
        token = secrets.token_urlsafe(24)
        _artifacts[token] = (get_account_id(), get_region(), component, name)
        return f"{endpoint}{PREFIX}artifacts/{token}"

    return url


async def _handle(
    method: str, path: str, headers: dict[str, str], query: Any, body: bytes
) -> Answer:
    kind, _, rest = path[len(PREFIX) :].partition("/")
    match method, kind:
        case "GET", "differences":
            return answer({"differences": config.differences})
        case "GET", "process":
            return answer({"pid": os.getpid()})
        case "POST", "stage":
            ledger.stage = rest
            return answer({"stage": rest})
        case "GET", "artifacts":
            return await _artifact(rest)
        case ("POST", "failures" | "stack-failures") | ("GET", "policies"):
            # A signed request says who it is; a plain one says so in its query.
            account = (query.get("account") or [extract_access_key_id(headers)])[0]
            region = (query.get("region") or [extract_region(headers)])[0]
            if not account:
                raise AwsError("ValidationException", "give ?account=<12 digits>&region=<region>")
            with request_scope(account, region):
                return answer(_of_account(kind, json.loads(body or b"{}")))
    raise AwsError("NotFound", f"The local AWS has no {method} {path}", status=404)


def _of_account(kind: str, document: Document) -> Document:
    """What belongs to one account and region."""
    if kind == "policies":
        return inventory.policies()
    return ORDERS[kind](document)


def _over_tls(scope: Any) -> Any:
    """A request over loopback counts as one over TLS, unless it says that it is not."""
    if scope["type"] != "http" or any(name == PROTOCOL for name, _ in scope["headers"]):
        return scope
    return {**scope, "headers": [*scope["headers"], (PROTOCOL, b"https")]}


async def _body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def install(*, endpoint: str) -> Any:
    """ministack's application with the private paths in front of it."""
    application = importlib.import_module("ministack.app").app
    data_plane.artifact_url = _artifact_url(endpoint)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await application(_over_tls(scope), receive, send)
            return
        headers = {key.decode().lower(): value.decode() for key, value in scope["headers"]}
        query = parse_qs(scope.get("query_string", b"").decode())
        try:
            result = await _handle(
                scope["method"], scope["path"], headers, query, await _body(receive)
            )
        except AwsError as error:
            result = error.answer()
        except ValueError as error:
            result = AwsError("ValidationException", f"The body is not JSON: {error}").answer()
        status, answer_headers, body = result
        encoded = [(key.lower().encode(), value.encode()) for key, value in answer_headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})

    return serve
