# SPDX-License-Identifier: Apache-2.0
"""For whom a stack operation acts: the role that it was given, the stack's own, or the caller."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any
from urllib.parse import urlparse

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudformation
from ministack.services.cloudformation import helpers

from ministack_edge.enforcement.actors import Actor, become, caller
from ministack_edge.enforcement.decisions import AccessDeniedError

SERVICE = "cloudformation.amazonaws.com"
SESSION = "AWSCloudFormation"

acting: contextvars.ContextVar[Actor | None] = contextvars.ContextVar(
    "cloudformation_acting", default=None
)
"""For whom the current stack operation acts; its background task inherits the value."""

OPERATIONS = (
    "CreateStack",
    "UpdateStack",
    "DeleteStack",
    "CreateChangeSet",
    "ExecuteChangeSet",
    "ContinueUpdateRollback",
    "RollbackStack",
    "DetectStackDrift",
    "DetectStackResourceDrift",
)
_READING = ("DetectStackDrift", "DetectStackResourceDrift")
"""Drift is found with the rights of the person who asks, whatever role the stack has."""


def operation(name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    def act(params: dict[str, Any]) -> Any:
        try:
            role = helpers._p(params, "RoleARN")
            if role:
                caller().pass_role(role, SERVICE)
            known = "" if name in _READING else role or _role_before(params)
            actor = become(known, SERVICE, session=SESSION) if known else caller()
            _read_template(params, actor)
        except AccessDeniedError as error:
            return helpers._error("AccessDenied", error.message, 403)
        token = acting.set(actor)
        try:
            answer = handler(params)
        finally:
            acting.reset(token)
        if known and answer[0] < 300:
            _remember(params, known)
        return answer

    return act


def _stack_of(params: dict[str, Any]) -> dict[str, Any] | None:
    from ministack.services.cloudformation.handlers import _resolve_stack  # noqa: PLC0415

    name = helpers._p(params, "StackName")
    found: dict[str, Any] | None = _resolve_stack(name) if name else None
    return found


def _change_set_of(params: dict[str, Any]) -> dict[str, Any] | None:
    from ministack.services.cloudformation.changesets import _find_change_set  # noqa: PLC0415

    name = helpers._p(params, "ChangeSetName")
    if not name:
        return None
    found: dict[str, Any] | None = _find_change_set(name, helpers._p(params, "StackName"))[1]
    return found


def _role_before(params: dict[str, Any]) -> str:
    """The role of the change set, or the one that the stack was last worked on with."""
    change_set = _change_set_of(params)
    if change_set and change_set.get("_role"):
        return str(change_set["_role"])
    stack = _stack_of(params)
    if stack is None and change_set:
        stack = cloudformation._stacks.get(change_set["StackName"])
    if stack is None or stack.get("StackStatus") == "DELETE_COMPLETE":
        return ""
    return str(stack.get("RoleARN") or "")


def _remember(params: dict[str, Any], role: str) -> None:
    """A change set keeps its role until it is executed, a stack for its later operations."""
    change_set, stack = _change_set_of(params), _stack_of(params)
    if change_set is not None:
        change_set["_role"] = role
        stack = stack or cloudformation._stacks.get(change_set["StackName"])
    if stack is not None:
        stack["RoleARN"] = role


def _read_template(params: dict[str, Any], actor: Actor) -> None:
    """A template in S3 is read with the caller's rights, stored parameters with the actor's."""
    if url := helpers._p(params, "TemplateURL"):
        place = urlparse(url).path.lstrip("/")
        caller().require("s3:GetObject", f"arn:aws:s3:::{place}")
    body, problem = helpers._resolve_template(params)
    if problem or not body:
        return
    from ministack.services.cloudformation.engine import _parse_template  # noqa: PLC0415

    try:
        declared = _parse_template(body).get("Parameters") or {}
    except Exception:  # noqa: BLE001 - what is wrong with it is said by the operation itself
        return
    for definition in declared.values():
        if str(definition.get("Type", "")).startswith("AWS::SSM::Parameter::Value"):
            name = str(definition.get("Default", "")).lstrip("/")
            actor.require(
                "ssm:GetParameters",
                f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter/{name}",
            )
