# SPDX-License-Identifier: Apache-2.0
"""The principal of a call: the caller of a request, or a role that a service has assumed."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import sts

from ministack_edge.enforcement import decisions, session_variables
from ministack_edge.enforcement.ledger import Decision
from ministack_edge.enforcement.policies import role_name

SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Actor:
    """A principal whose calls are decided. ``arn`` names a role, a user or the root user."""

    arn: str
    session: str = "local-aws"

    def require(self, action: str, resource: str, **context: Any) -> Decision:
        """Decide one call; raises AccessDeniedError when it is refused.

        ``context`` holds condition keys, with `__` for the colon: `s3__prefix="a/"`.
        """
        return decisions.require(
            self.arn, action, resource, context=_keys(context), session=self.session
        )

    def decide(self, action: str, resource: str, **context: Any) -> Decision:
        """Decide one call whose refusal does not stop the service; the refusal is recorded."""
        return decisions.decide(
            self.arn, action, resource, context=_keys(context), session=self.session
        )

    def pass_role(self, role: str, service: str) -> None:
        """Pass a role to a service."""
        self.require("iam:PassRole", role, iam__PassedToService=service)


def _keys(context: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("__", ":"): value for key, value in context.items() if value is not None}


def entity(arn: str) -> str:
    """A session as its role: `arn:aws:sts::1:assumed-role/r/s` is `arn:aws:iam::1:role/r`."""
    head, found, tail = arn.partition(":assumed-role/")
    if not found:
        return arn
    return f"arn:aws:iam::{head.split(':')[4]}:role/{tail.split('/', 1)[0]}"


def caller() -> Actor:
    """The caller of the current request."""
    arn = iam_evaluator.caller_arn()
    session = arn.rsplit("/", 1)[-1] if ":assumed-role/" in arn else "local-aws"
    return Actor(entity(arn), session)


def become(role: str, service: str, *, source_arn: str | None = None, session: str = "") -> Actor:
    """A service assumes a role, if the role trusts it (see `decisions.assume`)."""
    decisions.assume(role, service, source_arn=source_arn)
    return Actor(role, session or service.partition(".")[0])


def credentials(
    actor: Actor, *, seconds: int = SESSION_SECONDS, variables: dict[str, str] | None = None
) -> dict[str, str]:
    """Access key, secret and token of a session of the actor's role, as environment variables.

    ``variables`` are what the session's policies may name (see `session_variables`). Without
    enforcement: the account's 12-digit key, which is root.
    """
    if not decisions.enabled():
        return {"AWS_ACCESS_KEY_ID": get_account_id(), "AWS_SECRET_ACCESS_KEY": "local"}
    digest = hashlib.sha256(f"{actor.arn}|{actor.session}|{time.time_ns()}".encode()).hexdigest()
    key, secret, token = f"ASIA{digest[:16].upper()}", digest[16:56], f"token-{digest}"
    sts.register_session(
        key,
        {
            "Arn": decisions.session_arn(actor.arn, actor.session),
            "UserId": f"{role_name(actor.arn)}:{actor.session}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": time.time() + seconds,
            session_variables.KEY: variables or {},
        },
    )
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
    }
