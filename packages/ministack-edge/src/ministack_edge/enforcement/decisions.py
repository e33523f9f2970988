# SPDX-License-Identifier: Apache-2.0
"""Decides one call of one principal, by ministack's evaluator and the policies of this account.

`decide` is for calls that never arrive as requests: what a service does for a role, what
CloudFormation does for the execution role, what a call needs beside its own action. Requests are
decided by ministack itself and only recorded (requests.py). Both take the same policies, in the
order that AWS documents: explicit deny, identity policies within the permissions boundary, and the
resource's own policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, ParsedStatement
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from ministack_edge.enforcement.ledger import Decision, ledger
from ministack_edge.enforcement.policies import (
    account_of,
    principal_tags,
    role_name,
    role_policies,
)
from ministack_edge.protocol import AwsError


def enabled() -> bool:
    """Whether this server authorizes calls."""
    return ledger.path is not None


NO_STATEMENT = "no identity-based policy allows it"


class AccessDeniedError(AwsError):
    """A refusal in AWS's own words."""

    def __init__(self, decision: Decision, *, session: str) -> None:
        self.decision = decision
        explicit = decision.by != NO_STATEMENT and not decision.by.startswith("outside ")
        reason = (
            f"with an explicit deny in {decision.by}"
            if explicit
            else "because no permissions boundary allows the action"
            if decision.by.startswith("outside ")
            else "because no identity-based policy allows the action"
        )
        super().__init__(
            "AccessDeniedException",
            f"User: {session} is not authorized to perform: {decision.action} on resource: "
            f"{decision.resource} {reason}: {decision.action}",
            status=403,
        )


def session_arn(role: str, session: str) -> str:
    """The ARN of a session of a role."""
    return f"arn:aws:sts::{account_of(role)}:assumed-role/{role_name(role)}/{session}"


def decide(
    principal: str,
    action: str,
    resource: str,
    *,
    context: Mapping[str, Any] | None = None,
    session: str = "local-aws",
    quiet: bool = False,
) -> Decision:
    """Decide and record one call of a role, a user or the root user (by ARN).

    ``context`` holds the condition keys of the request (`kms:ViaService`, `s3:prefix`,
    `iam:PassedToService`, …). It must not contain a key that the request would not have.
    """
    if not enabled():
        return Decision(principal=principal, action=action, resource=resource, allowed=True, by="")
    name, account = role_name(principal), account_of(principal)
    if principal.endswith(":root"):
        decision = Decision(
            principal=principal, action=action, resource=resource, allowed=True, by="root"
        )
        ledger.record(decision)
        return decision
    person = ":user/" in principal
    keys = {key.lower(): value for key, value in (context or {}).items()}
    keys.setdefault("aws:tagkeys", None)
    secure = str(keys.pop("aws:securetransport", "true")).lower() == "true"
    evaluation = EvalContext(
        principal_arn=principal if person else session_arn(principal, session),
        principal_type="User" if person else "AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=secure,
        service_context=keys,
        principal_keys={} if person else principal_tags(name, account),
    )
    policies = (
        iam_evaluator._gather_user_policies(name, account)
        if person
        else role_policies(name, account)
    )
    limits = iam_evaluator._permissions_boundary(
        iam._users if person else iam._roles, name, account
    )
    decision = _evaluate(principal, evaluation, policies, limits)
    if not quiet:
        ledger.record(decision, context_of(evaluation))
    return decision


def would_allow(principal: str, action: str, resource: str) -> bool:
    """Whether a call would be allowed that is not made: a service needs it for its answer."""
    return decide(principal, action, resource, quiet=True).allowed


def require(
    principal: str,
    action: str,
    resource: str,
    *,
    context: Mapping[str, Any] | None = None,
    session: str = "local-aws",
) -> Decision:
    """Like `decide`; raises AccessDeniedError when the call is refused."""
    decision = decide(principal, action, resource, context=context, session=session)
    if not decision.allowed:
        person = ":user/" in principal
        raise AccessDeniedError(
            decision, session=principal if person else session_arn(principal, session)
        )
    return decision


def _evaluate(
    role: str,
    context: EvalContext,
    policies: list[list[ParsedStatement]],
    limits: list[list[list[ParsedStatement]]],
) -> Decision:
    service = context.action.partition(":")[0]
    identity = iam_evaluator.evaluate(context, policies, *limits)
    result, by = identity, identity.matched_sid
    found = iam_evaluator._resource_policy(service, context.resource_arn)
    if found is not None:
        result = iam_evaluator.combine_resource_policy(
            identity,
            context,
            *found,
            required=service in iam_evaluator._POLICY_REQUIRED,
            limits=limits,
        )
        if result is not identity:
            by = f"resource policy of {context.resource_arn}"
    if result.decision == "ImplicitDeny":
        unlimited = iam_evaluator.evaluate(context, policies)
        outside = limits and unlimited.decision == "Allow"
        by = "outside the permissions boundary" if outside else NO_STATEMENT
        if found is not None and identity.decision == "Allow":
            by = f"resource policy of {context.resource_arn}"
    return Decision(
        principal=role,
        action=context.action,
        resource=context.resource_arn,
        allowed=result.decision == "Allow",
        by=by,
    )


def context_of(context: EvalContext) -> dict[str, Any]:
    """The condition keys of a request."""
    keys = {**context.principal_keys, **context.service_context}
    return {
        "aws:SecureTransport": str(context.secure_transport).lower(),
        "aws:RequestedRegion": context.region,
        **{key: value for key, value in keys.items() if value is not None},
    }


def assume(
    role: str, service: str, *, source_arn: str | None = None, external_id: str | None = None
) -> None:
    """Let a service assume a role: its trust policy decides, with the keys that the service sends.

    ``source_arn`` is the resource on whose behalf the service acts; None where the service sends
    no `aws:SourceArn`. Raises AccessDeniedError when the role does not trust the service.
    """
    if not enabled():
        return
    name, account = role_name(role), account_of(role)
    record = iam._roles.get_scoped(account, None, name)
    context: dict[str, Any] = {"aws:sourceaccount": get_account_id()}
    if source_arn:
        context["aws:sourcearn"] = source_arn
    if external_id:
        context["sts:externalid"] = external_id
    evaluation = EvalContext(
        principal_arn=f"service:{service}",
        principal_type="Service",
        principal_account=get_account_id(),
        action="sts:AssumeRole",
        resource_arn=role,
        region=get_region(),
        service_context=context,
    )
    document = (record or {}).get("AssumeRolePolicyDocument")
    # A trust policy has no Resource element; the evaluator takes that as every resource.
    statements = iam_evaluator.evaluate_resource_policy(document, evaluation, service)
    decision = Decision(
        principal=service,
        action="sts:AssumeRole",
        resource=role,
        allowed=statements.decision == "Allow",
        by="trust policy" if record else "there is no such role",
    )
    ledger.record(decision)
    if not decision.allowed:
        raise AccessDeniedError(
            replace(decision, by=NO_STATEMENT) if record else decision, session=service
        )
