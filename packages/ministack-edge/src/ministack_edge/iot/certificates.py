# SPDX-License-Identifier: Apache-2.0
"""Who calls with a client certificate, and what its AWS IoT policies allow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate
from ministack.core.responses import request_scope
from ministack.services import iot

from ministack_edge import ministack_patches
from ministack_edge.enforcement.decisions import NO_STATEMENT, enabled
from ministack_edge.enforcement.ledger import Decision, ledger
from ministack_edge.protocol import Document, arn

IOT = "ministack.services.iot"

_recorded: set[Decision] = set()


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """An active client certificate of one account and region."""

    account: str
    region: str
    id: str

    @classmethod
    def presented(cls, der: bytes | None) -> Certificate | None:
        """The certificate of a TLS handshake; None where AWS IoT takes none or not this one."""
        if not der:
            return None
        found = iot._mtls_active_registrations(hashlib.sha256(der).hexdigest())
        if len(found) != 1:
            return None
        account, region, record = found[0]
        return cls(account=account, region=region, id=record["certificateId"])

    @property
    def arn(self) -> str:
        """The certificate's ARN."""
        return _arn(self.account, self.region, self.id)

    def has_thing(self, name: str) -> bool:
        """Whether the thing exists and is attached to this certificate."""
        with request_scope(self.account, self.region):
            return name in iot._things and arn("iot", f"thing/{name}") in self._record().get(
                "attachedThings", []
            )

    def allows(self, action: str, resource: str) -> bool:
        """Whether a policy that is attached allows a call over HTTPS; the decision is recorded.

        AWS IoT knows no thing here, so a statement with a variable of the thing matches nothing.
        """
        if not enabled():
            return True
        with request_scope(self.account, self.region):
            names = self._record().get("attachedPolicies", [])
            attached = [iot._policies.get(name) for name in names]
            documents = [
                policy["versions"][policy["defaultVersionId"]]["document"]
                for policy in attached
                if policy
            ]
        context = EvalContext(
            principal_arn=self.arn,
            principal_type="Certificate",
            principal_account=self.account,
            action=action,
            resource_arn=resource,
            region=self.region,
        )
        statements = [iot._parsed_iot_policy(document, ()) for document in documents]
        allowed = bool(evaluate(context, statements).decision == "Allow")
        _record(self.arn, action, resource, allowed)
        return allowed

    def _record(self) -> Document:
        record: Document = iot._certificates.get(self.id) or {}
        return record


def _arn(account: str, region: str, certificate_id: str) -> str:
    return f"arn:aws:iot:{region}:{account}:cert/{certificate_id}"


def _record(principal: str, action: str, resource: str, allowed: bool) -> None:
    """Record a decision the first time that it is made: cameras publish all day."""
    decision = Decision(
        principal=principal,
        action=action,
        resource=resource,
        allowed=allowed,
        by="an attached policy of AWS IoT" if allowed else NO_STATEMENT,
    )
    if decision not in _recorded:
        _recorded.add(decision)
        ledger.record(decision)


def _recording(original: Callable[..., bool]) -> Callable[..., bool]:
    def allows(  # noqa: PLR0917 - ministack calls it by position
        account: str,
        region: str,
        certificate_id: str,
        context: dict[str, Any],
        action: str,
        resource: str,
        template: str | None = None,
    ) -> bool:
        found = original(account, region, certificate_id, context, action, resource, template)
        full = f"arn:aws:iot:{region}:{account}:{resource}"
        _record(_arn(account, region, certificate_id), action, full, found)
        return found

    return allows


def install() -> None:
    """Record what AWS IoT policies decide for connections over MQTT."""
    ministack_patches.wrap(IOT, "_mqtt_policy_allows", _recording)
