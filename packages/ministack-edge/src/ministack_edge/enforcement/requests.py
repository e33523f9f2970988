# SPDX-License-Identifier: Apache-2.0
"""Requests over HTTP: ministack decides each one, here the decision is recorded with its statement.

A request whose IAM action ministack cannot name would be let through; it is refused instead, unless
it is one of those that AWS accepts from everyone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult, PrincipalInfo

from ministack_edge import ministack_patches
from ministack_edge.enforcement.actors import entity
from ministack_edge.enforcement.decisions import NO_STATEMENT, context_of
from ministack_edge.enforcement.ledger import Decision, ledger
from ministack_edge.enforcement.policies import cached_parser, role_policies

EVALUATOR = "ministack.core.iam_evaluator"


@dataclass
class _Trace:
    """What ministack found out on its way to one decision."""

    principal: PrincipalInfo | None = None
    evaluated: list[tuple[EvalContext, EvalResult]] = field(default_factory=list)

    def by(self, denied: EvalResult | None) -> str:
        """The statement that decided, or why none did."""
        if self.principal is None:
            return "everybody"
        if self.principal.policies is None:
            return "root"
        if denied is not None and denied.decision != "Deny":
            return NO_STATEMENT
        if denied is not None and denied.resource_policy_arn:
            return f"resource policy of {denied.resource_policy_arn}"
        # The last two evaluations are those of the identity's policies and of the resource's.
        deciding = [found for _, found in self.evaluated[-2:] if found.matched_sid]
        return deciding[0].matched_sid if deciding else "resource policy"


_trace: ContextVar[_Trace | None] = ContextVar("decision_trace", default=None)


def install() -> None:
    """Record every decision of a request, with the statement that made it."""
    ministack_patches.wrap(EVALUATOR, "parse_policy_document", cached_parser)
    ministack_patches.wrap(EVALUATOR, "_gather_role_policies", lambda _original: role_policies)
    ministack_patches.wrap(EVALUATOR, "resolve_principal", _noting_principal)
    ministack_patches.wrap(EVALUATOR, "evaluate", _noting_evaluation)
    ministack_patches.wrap(EVALUATOR, "enforce", _recording)


def _noting_principal(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(*arguments: Any, **named: Any) -> Any:
        found = original(*arguments, **named)
        trace = _trace.get()
        if trace is not None and not isinstance(found, AuthError):
            trace.principal = found
        return found

    return resolve


def _noting_evaluation(original: Callable[..., EvalResult]) -> Callable[..., EvalResult]:
    def evaluate(*arguments: Any) -> EvalResult:
        result = original(*arguments)
        trace = _trace.get()
        if trace is not None:
            trace.evaluated.append((arguments[0], result))
        return result

    return evaluate


def _recording(original: Callable[..., Any]) -> Callable[..., Any]:
    def enforce(  # noqa: PLR0917 - ministack calls it by position
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        trace = _Trace()
        token = _trace.set(trace)
        try:
            result = original(access_key, action, service, region, resource_arn, service_context)
        finally:
            _trace.reset(token)
        # AWS accepts some calls from everyone; ministack does not check the caller then.
        principal = trace.principal or iam_evaluator.resolve_principal(access_key, _account())
        if not isinstance(result, AuthError) and not isinstance(principal, AuthError):
            ledger.record(
                Decision(
                    principal=entity(principal.arn),
                    action=action,
                    resource=resource_arn,
                    allowed=result is None,
                    by=trace.by(result),
                ),
                context_of(trace.evaluated[0][0]) if trace.evaluated else None,
            )
        return result

    return enforce


def _account() -> str:
    from ministack.core.responses import get_account_id  # noqa: PLC0415 - set per request

    return str(get_account_id())
