# SPDX-License-Identifier: Apache-2.0
"""Requests over HTTP: ministack decides each one, here the decision is recorded with its statement.

A request whose IAM action ministack cannot name would be let through; it is refused instead, unless
it is one of those that AWS takes from everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult

from ministack_edge import ministack_patches
from ministack_edge.enforcement.actors import entity
from ministack_edge.enforcement.decisions import NO_STATEMENT, context_of, role_policies
from ministack_edge.enforcement.ledger import Decision, ledger

EVALUATOR = "ministack.core.iam_evaluator"


def install() -> None:
    """Record every decision of a request, with the statement that made it."""
    ministack_patches.wrap(EVALUATOR, "_gather_role_policies", lambda _original: role_policies)
    ministack_patches.wrap(EVALUATOR, "evaluate", _noting)
    ministack_patches.wrap(EVALUATOR, "enforce", _recording)


_last: list[tuple[EvalContext, EvalResult]] = []


def _noting(original: Callable[..., EvalResult]) -> Callable[..., EvalResult]:
    def evaluate(*arguments: Any) -> EvalResult:
        result = original(*arguments)
        _last[:] = [*_last[-1:], (arguments[0], result)]
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
        _last.clear()
        result = original(access_key, action, service, region, resource_arn, service_context)
        if isinstance(result, AuthError):
            return result
        principal = iam_evaluator.resolve_principal(access_key or "", _account())
        if not isinstance(principal, AuthError):
            ledger.record(
                Decision(
                    principal=entity(principal.arn),
                    action=action,
                    resource=resource_arn,
                    allowed=result is None,
                    by=_by(principal.policies is None, result),
                ),
                context_of(_last[0][0]) if _last else None,
            )
        return result

    return enforce


def _account() -> str:
    from ministack.core.responses import get_account_id  # noqa: PLC0415 - set per request

    return str(get_account_id())


def _by(root: bool, denied: EvalResult | None) -> str:
    if root:
        return "root"
    if denied is not None and denied.decision != "Deny":
        return NO_STATEMENT
    if denied is not None and denied.resource_policy_arn:
        return f"resource policy of {denied.resource_policy_arn}"
    deciding = [found for _, found in _last if found.matched_sid]
    return deciding[0].matched_sid if deciding else "resource policy"
