# SPDX-License-Identifier: Apache-2.0
"""Use of KMS keys by services on behalf of a caller."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import kms

from ministack_edge.enforcement.actors import Actor

ENCRYPT = ("kms:GenerateDataKey",)
DECRYPT = ("kms:Decrypt",)


def resolve(key: str) -> str | None:
    """The ARN of a customer managed key by id, ARN or alias; None for AWS managed keys."""
    if not key or "alias/aws/" in key:
        return None
    record = kms._resolve_key(key)
    return str(record["Arn"]) if record else None


def use(
    actor: Actor,
    key: str,
    actions: tuple[str, ...],
    *,
    service: str,
    encryption_context: dict[str, str] | None = None,
) -> None:
    """Check the actor's permission for the key with `kms:ViaService`, as a service does."""
    arn = resolve(key)
    if arn is None:
        return
    context: dict[str, Any] = {
        "kms__ViaService": f"{service}.{get_region()}.amazonaws.com",
        "kms__CallerAccount": get_account_id(),
    }
    for name, value in (encryption_context or {}).items():
        context[f"kms__EncryptionContext:{name}"] = value
    for action in actions:
        actor.require(action, arn, **context)
