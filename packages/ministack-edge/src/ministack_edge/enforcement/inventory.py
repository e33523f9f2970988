# SPDX-License-Identifier: Apache-2.0
"""Every policy of an account as it is now, for those who decide again or count what is granted."""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam, kms, s3, sns

from ministack_edge.enforcement.policies import role_name
from ministack_edge.protocol import Document


def policies() -> Document:
    """Identity policies and boundaries by role ARN, resource policies by resource ARN."""
    return {"roles": _roles(), "resources": _resources()}


def _roles() -> Document:
    account = get_account_id()
    found: Document = {}
    for role in iam._roles.values():
        named = [
            (name, _parsed(document))
            for name, document in (role.get("InlinePolicies") or {}).items()
        ]
        for arn in role.get("AttachedPolicies", []):
            document = iam_evaluator._resolve_managed_policy_document(arn, account)
            if document:
                named.append((role_name(arn), _parsed(document)))
        boundary = role.get("PermissionsBoundary")
        limit = boundary and iam_evaluator._resolve_managed_policy_document(boundary, account)
        found[role["Arn"]] = {
            "policies": [{"name": name, "policy": document} for name, document in named],
            "boundary": _parsed(limit) if limit else None,
        }
    return found


def _resources() -> Document:
    found: Document = {key["Arn"]: _parsed(key.get("Policy")) for key in kms._keys.values()}
    for name in s3._buckets:
        policy = iam_evaluator._resource_policy("s3", f"arn:aws:s3:::{name}")
        if policy and policy[0]:
            found[f"arn:aws:s3:::{name}"] = _parsed(policy[0])
    for arn, topic in sns._topics.items():
        policy_text = (topic.get("attributes") or {}).get("Policy")
        if policy_text:
            found[arn] = _parsed(policy_text)
    return {arn: document for arn, document in found.items() if document}


def _parsed(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) and document else document
