# SPDX-License-Identifier: Apache-2.0
"""Permissions that a request needs besides its own action: the dependent actions of the
authorization reference, passed roles, and the keys that encrypt the data read or written."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from ministack.services import dynamodb, sns

from ministack_edge.enforcement import keys, storage
from ministack_edge.enforcement.actors import Actor, caller
from ministack_edge.greengrass import api, deployments
from ministack_edge.protocol import Answer, AwsError, Document, arn
from ministack_edge.storage import objects

VERSION = "x-amz-copy-source"
SAGEMAKER_SERVICE = "sagemaker.amazonaws.com"
_ROLE_OF = {
    "CreatePipeline": "RoleArn",
    "UpdatePipeline": "RoleArn",
    "CreateNotebookInstance": "RoleArn",
    "UpdateNotebookInstance": "RoleArn",
}
_DEPLOYMENT_THINGS = ("iot:DescribeThing", "iot:DescribeThingGroup")
JOB = {
    "CreateDeployment": ("iot:CreateJob", "iot:DescribeJob", "iot:CancelJob", "iot:UpdateJob"),
    "CancelDeployment": ("iot:CancelJob", "iot:DescribeJob", "iot:UpdateJob"),
    "GetDeployment": ("iot:DescribeJob",),
    "DeleteDeployment": ("iot:DeleteJob",),
}
"""The calls on AWS IoT jobs that Greengrass makes in the caller's name for thing group targets."""


def sagemaker(headers: dict[str, str], body: bytes) -> None:
    """Roles that a request hands to SageMaker; tags of what it makes."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    request = json.loads(body or b"{}")
    role = request.get(_ROLE_OF.get(operation, ""))
    if role:
        caller().pass_role(role, SAGEMAKER_SERVICE)


def greengrass_request(method: str, path: str, body: bytes) -> None:
    """AWS IoT jobs behind a deployment; S3 artifacts of a recipe, read in the caller's name."""
    found = api.operation(method, path)
    if found is None:
        return
    operation, parts = found
    actor = caller()
    if operation == "CreateComponentVersion":
        _artifacts(actor, body)
    if operation not in JOB:
        return
    target = _target(operation, parts, body)
    job = arn("iot", f"job/{parts.get('id', 'new')}")
    for action in JOB[operation]:
        actor.require(action, job)
    if operation == "CreateDeployment":
        actor.require("iot:CreateJob", target)
    kind = "DescribeThingGroup" if ":thinggroup/" in target else "DescribeThing"
    actor.require(f"iot:{kind}", target)


def _target(operation: str, parts: dict[str, str], body: bytes) -> str:
    if operation == "CreateDeployment":
        return str(json.loads(body or b"{}").get("targetArn", ""))
    return str(deployments.get(parts["id"])["targetArn"])


def _artifacts(actor: Actor, body: bytes) -> None:
    request = json.loads(body or b"{}")
    if request.get("lambdaFunction"):
        actor.require("lambda:GetFunction", request["lambdaFunction"]["lambdaArn"])
        return
    recipe = _recipe(request)
    for manifest in recipe.get("Manifests") or []:
        for artifact in manifest.get("Artifacts") or []:
            bucket, key = objects.parse(str(artifact.get("Uri", "")))
            storage.Storage(actor).read(bucket, key)


def _recipe(request: Document) -> Document:
    try:
        recipe: Document = json.loads(base64.b64decode(request["inlineRecipe"]))
    except (KeyError, ValueError):
        return {}
    return recipe


def s3(method: str, path: str, headers: dict[str, str], query: dict[str, Any]) -> None:
    """Missing keys are a 403 for who may not list; encrypted objects need their key."""
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not key or not bucket:
        return
    actor = caller()
    if method in ("GET", "HEAD") and not _subresource(query):
        if not storage.exists(bucket, key) and not query.get("versionId"):
            storage.missing(actor, bucket, key)
        storage.decrypt(actor, bucket, key)
    elif method == "PUT" and not _subresource(query):
        source = unquote(headers.get(VERSION, "")).lstrip("/").partition("?")[0]
        if source:
            source_bucket, _, source_key = source.partition("/")
            storage.decrypt(actor, source_bucket, source_key)
        storage.encrypt(actor, bucket, headers.get(storage.KEY_HEADER, ""))
    elif method == "POST" and "uploads" in query:
        storage.encrypt(actor, bucket, headers.get(storage.KEY_HEADER, ""), multipart=True)


_SUBRESOURCES = ("tagging", "acl", "retention", "legal-hold", "attributes", "uploadId", "uploads")


def _subresource(query: dict[str, Any]) -> bool:
    return any(name in query for name in _SUBRESOURCES)


def dynamodb_request(headers: dict[str, str], body: bytes) -> None:
    """A table under a customer managed key needs the key, through DynamoDB."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if operation not in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"):
        return
    name = str(json.loads(body or b"{}").get("TableName", ""))
    table(caller(), name, writes=operation in ("PutItem", "UpdateItem", "DeleteItem"))


def table(actor: Actor, name: str, *, writes: bool) -> None:
    """The right to the key of a table (DynamoDB developer guide, "Authorizing use of a key")."""
    record = dynamodb._tables.get(name.rpartition("/")[2]) or {}
    key = str((record.get("SSEDescription") or {}).get("KMSMasterKeyArn") or "")
    actions = (*keys.ENCRYPT, *keys.DECRYPT) if writes else keys.DECRYPT
    keys.use(actor, key, actions, service="dynamodb")


def topic(actor: Actor, name: str) -> None:
    """The right to the key of a topic: a publisher encrypts with it."""
    record = sns._topics.get(name) or {}
    key = str((record.get("attributes") or {}).get("KmsMasterKeyId") or "")
    keys.use(actor, key, (*keys.ENCRYPT, *keys.DECRYPT), service="sns")


def checked(service: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler of a service behind these checks."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Any, **named: Any
    ) -> Answer:
        if not named.get("internal"):
            try:
                _check(service, method, path, headers, body, query)
            except AwsError as error:
                return _refusal(service, error)
        result: Answer = await handler(method, path, headers, body, query, **named)
        return result

    return handle


def _check(  # noqa: PLR0917 - the parts of one request
    service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: Any
) -> None:
    if service == "sagemaker":
        sagemaker(headers, body)
    elif service == "greengrass":
        greengrass_request(method, path, body)
    elif service == "dynamodb":
        dynamodb_request(headers, body)
    elif service == "s3":
        s3(method, path, headers, query)


def _refusal(service: str, error: AwsError) -> Answer:
    if service != "s3":
        return error.answer()
    code = "AccessDenied" if error.status == 403 else error.code
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{_escaped(error.message)}</Message></Error>"
    )
    return error.status, {"Content-Type": "application/xml"}, body.encode()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
