# SPDX-License-Identifier: Apache-2.0
"""Resource policies that let a service in: topic, queue, function, bucket and key policies."""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import get_account_id, get_region

from ministack_edge.enforcement.decisions import AccessDeniedError, enabled
from ministack_edge.enforcement.ledger import Decision, ledger

ACTIONS = {"lambda": "lambda:InvokeFunction", "sns": "sns:Publish", "sqs": "sqs:SendMessage"}


def allows(
    principal: str,
    service: str,
    resource: str,
    *,
    action: str = "",
    source_arn: str = "",
    context: dict[str, Any] | None = None,
) -> None:
    """A service principal acts on a resource by the resource's own policy, and by nothing else.

    Raises AccessDeniedError when the policy does not name the service, or its conditions do not
    hold for this account and source.
    """
    if not enabled():
        return
    action = action or ACTIONS[service]
    found = iam_evaluator._resource_policy(service, resource)
    keys: dict[str, Any] = {
        "aws:sourceaccount": get_account_id(),
        "aws:sourcearn": source_arn or None,
        **{name.lower(): value for name, value in (context or {}).items()},
    }
    evaluation = EvalContext(
        principal_arn=f"service:{principal}",
        principal_type="Service",
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context={name: value for name, value in keys.items() if value is not None},
    )
    policy = found[0] if found else None
    result = iam_evaluator.evaluate_resource_policy(policy, evaluation, principal)
    decision = Decision(
        principal=principal,
        action=action,
        resource=resource,
        allowed=result.decision == "Allow",
        by=f"resource policy of {resource}",
    )
    ledger.record(decision)
    if not decision.allowed:
        raise AccessDeniedError(decision, session=principal)
