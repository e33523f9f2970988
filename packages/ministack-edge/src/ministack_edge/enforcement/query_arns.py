# SPDX-License-Identifier: Apache-2.0
"""Athena's calls that name a query: AWS decides them on the query's workgroup."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import athena

from ministack_edge import ministack_patches
from ministack_edge.protocol import arn


def install() -> None:
    """Find the workgroup of these calls from now on."""
    ministack_patches.wrap("ministack.core.iam_actions", "extract_resource_arn", _with_workgroup)


def _with_workgroup(original: Callable[..., str]) -> Callable[..., str]:
    def find(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
        found = original(service, method, path, headers, body, *more)
        if service == "athena" and found == "*" and (group := _workgroup(body)):
            return arn("athena", f"workgroup/{group}")
        return found

    return find


def _workgroup(body: bytes) -> str:
    """The workgroup of the query that a request names; empty where it names none."""
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        return ""
    execution = athena._executions.get(str(given.get("QueryExecutionId")))
    query = athena._named_queries.get(str(given.get("NamedQueryId")))
    return str((execution or query or {}).get("WorkGroup") or "")
