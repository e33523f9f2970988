# SPDX-License-Identifier: Apache-2.0
"""The Greengrass V2 service: a REST API, one line per route."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from ministack_edge import ministack_patches, tags
from ministack_edge.greengrass import client_tokens as tokens
from ministack_edge.greengrass import (
    components,
    core_devices,
    core_messages,
    data_plane,
    deployment_jobs,
    deployments,
)
from ministack_edge.protocol import Answer, AwsError, Document, answer

Handler = Callable[[dict[str, str], Document, Document], Awaitable[Answer]]


async def _create_component(_path: dict[str, str], body: Document, _query: Document) -> Answer:
    async def create() -> Document:
        return components.create(body)

    return answer(await tokens.once("CreateComponentVersion", body, create), status=201)


async def _describe_component(path: dict[str, str], _body: Document, _query: Document) -> Answer:
    return answer(components.describe(path["arn"]))


async def _get_component(path: dict[str, str], _body: Document, _query: Document) -> Answer:
    return answer(components.recipe_of(path["arn"]))


async def _delete_component(path: dict[str, str], _body: Document, _query: Document) -> Answer:
    components.delete(path["arn"])
    return answer(status=204)


async def _list_components(_path: dict[str, str], _body: Document, query: Document) -> Answer:
    return answer(components.list_components(query))


async def _list_versions(path: dict[str, str], _body: Document, query: Document) -> Answer:
    return answer(components.list_versions(path["arn"], query))


async def _create_deployment(_path: dict[str, str], body: Document, _query: Document) -> Answer:
    created = await tokens.once("CreateDeployment", body, lambda: deployments.create(body))
    return answer(created, status=201)


async def _get_deployment(path: dict[str, str], _body: Document, _query: Document) -> Answer:
    return answer(deployments.get(path["id"]))


async def _list_deployments(_path: dict[str, str], _body: Document, query: Document) -> Answer:
    return answer(deployments.list_deployments(query))


async def _cancel_deployment(path: dict[str, str], _body: Document, _query: Document) -> Answer:
    return answer(await deployments.cancel(path["id"]))


async def _delete_deployment(path: dict[str, str], _body: Document, _query: Document) -> Answer:
    deployments.delete(path["id"])
    return answer(status=204)


async def _list_cores(_path: dict[str, str], _body: Document, query: Document) -> Answer:
    return answer(core_devices.list_cores(query))


async def _get_core(path: dict[str, str], _body: Document, _query: Document) -> Answer:
    return answer(core_devices.get(path["thing"]))


async def _delete_core(path: dict[str, str], _body: Document, _query: Document) -> Answer:
    core_devices.delete(path["thing"])
    return answer(status=204)


async def _effective(path: dict[str, str], _body: Document, query: Document) -> Answer:
    return answer(core_devices.effective_deployments(path["thing"], query))


async def _installed(path: dict[str, str], _body: Document, query: Document) -> Answer:
    return answer(core_devices.installed_components(path["thing"], query))


async def _list_tags(path: dict[str, str], _body: Document, _query: Document) -> Answer:
    return answer({"tags": tags.of(path["arn"])})


async def _tag(path: dict[str, str], body: Document, _query: Document) -> Answer:
    tags.put(path["arn"], body.get("tags"))
    return answer({})


async def _untag(path: dict[str, str], _body: Document, query: Document) -> Answer:
    keys = query.get("tagKeys") or []
    tags.remove(path["arn"], [keys] if isinstance(keys, str) else keys)
    return answer({})


_V2 = "/greengrass/v2"
_ROUTES: list[tuple[str, re.Pattern[str], Handler, str]] = [
    (method, re.compile(pattern), handler, operation)
    for method, pattern, handler, operation in (
        ("POST", rf"{_V2}/createComponentVersion", _create_component, "CreateComponentVersion"),
        ("GET", rf"{_V2}/components", _list_components, "ListComponents"),
        (
            "GET",
            rf"{_V2}/components/(?P<arn>[^/]+)/metadata",
            _describe_component,
            "DescribeComponent",
        ),
        (
            "GET",
            rf"{_V2}/components/(?P<arn>[^/]+)/versions",
            _list_versions,
            "ListComponentVersions",
        ),
        ("GET", rf"{_V2}/components/(?P<arn>[^/]+)", _get_component, "GetComponent"),
        ("DELETE", rf"{_V2}/components/(?P<arn>[^/]+)", _delete_component, "DeleteComponent"),
        ("POST", rf"{_V2}/deployments", _create_deployment, "CreateDeployment"),
        ("GET", rf"{_V2}/deployments", _list_deployments, "ListDeployments"),
        ("GET", rf"{_V2}/deployments/(?P<id>[^/]+)", _get_deployment, "GetDeployment"),
        (
            "POST",
            rf"{_V2}/deployments/(?P<id>[^/]+)/cancel",
            _cancel_deployment,
            "CancelDeployment",
        ),
        ("DELETE", rf"{_V2}/deployments/(?P<id>[^/]+)", _delete_deployment, "DeleteDeployment"),
        ("GET", rf"{_V2}/coreDevices", _list_cores, "ListCoreDevices"),
        ("GET", rf"{_V2}/coreDevices/(?P<thing>[^/]+)", _get_core, "GetCoreDevice"),
        ("DELETE", rf"{_V2}/coreDevices/(?P<thing>[^/]+)", _delete_core, "DeleteCoreDevice"),
        (
            "GET",
            rf"{_V2}/coreDevices/(?P<thing>[^/]+)/effectiveDeployments",
            _effective,
            "ListEffectiveDeployments",
        ),
        (
            "GET",
            rf"{_V2}/coreDevices/(?P<thing>[^/]+)/installedComponents",
            _installed,
            "ListInstalledComponents",
        ),
        ("GET", r"/tags/(?P<arn>.+)", _list_tags, "ListTagsForResource"),
        ("POST", r"/tags/(?P<arn>.+)", _tag, "TagResource"),
        ("DELETE", r"/tags/(?P<arn>.+)", _untag, "UntagResource"),
    )
]


def _route(method: str, path: str) -> tuple[Handler, str, dict[str, str]] | None:
    for verb, pattern, handler, operation in _ROUTES:
        match = pattern.fullmatch(path) if verb == method else None
        if match:
            parts = {key: unquote(value) for key, value in match.groupdict().items()}
            return handler, operation, parts
    return None


def operation(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The API operation of a request, and the parts of its path."""
    found = _route(method, path)
    return (found[1], found[2]) if found else None


async def handle(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Answer:
    """Answer a request signed for Greengrass."""
    del headers
    try:
        found = _route(method, path)
        if found:
            handler, _operation, parts = found
            flat = {
                key: value[0] if isinstance(value, list) and len(value) == 1 else value
                for key, value in query.items()
            }
            return await handler(parts, json.loads(body or b"{}"), flat)
        if data_plane.is_here(method, path):
            raise AwsError(
                "AccessDeniedException",
                f"{method} {path} is answered to a core's certificate, on the data plane only",
                status=403,
            )
        raise AwsError("ValidationException", f"The local AWS does not offer {method} {path}")
    except AwsError as error:
        return error.answer()


def install() -> None:
    """Offer the Greengrass V2 API, and its data plane to cores."""
    ministack_patches.add_service("greengrass", handle)
    data_plane.install()
    deployment_jobs.install()
    core_messages.install()
