# SPDX-License-Identifier: Apache-2.0
"""Who acts when a provisioning template is applied: its provisioning role."""

from __future__ import annotations

SESSION = "IoTProvisioning"


def role_allows(role: str, requests: list[tuple[str, str]]) -> bool:
    """Whether the provisioning role may make these calls; each is decided and recorded."""
    from ministack_edge.enforcement.actors import become  # noqa: PLC0415 - only if enforced
    from ministack_edge.enforcement.decisions import AccessDeniedError  # noqa: PLC0415

    try:
        actor = become(role, "iot.amazonaws.com", session=SESSION)
    except AccessDeniedError:
        return False
    decisions = [actor.decide(action, arn) for action, arn in requests]
    return all(decision.allowed for decision in decisions)
