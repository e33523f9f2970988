# SPDX-License-Identifier: Apache-2.0
"""DescribeStacks answers the CDK's command line when a stack has settled.

The command line looks every five seconds; a stack is done in one here. Without this a deployment of
four stacks, one after the other, waits for nothing most of the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.services.cloudformation import handlers

from ministack_edge.protocol import Answer

LONGEST_SECONDS = 20.0
LOOK_SECONDS = 0.02
COMMAND_LINE = "aws-cdk"
"""The CDK CLI's User-Agent; all other clients get an answer at once."""

Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]


def install() -> None:
    """Hold such requests while their stack is in progress."""
    app.SERVICE_HANDLERS["cloudformation"] = _patient(app.SERVICE_HANDLERS["cloudformation"])


def _patient(original: Handler) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        if COMMAND_LINE in headers.get("user-agent", "") and b"DescribeStacks" in body:
            name = parse_qs(body.decode()).get("StackName", [""])[0]
            deadline = time.monotonic() + LONGEST_SECONDS
            while _in_progress(name) and time.monotonic() < deadline:
                await asyncio.sleep(LOOK_SECONDS)
        return await original(method, path, headers, body, query)

    return handle


def _in_progress(name: str) -> bool:
    stack = handlers._resolve_stack(name)
    status = "" if stack is None else str(stack.get("StackStatus", ""))
    # A stack with only a change set waits for a person.
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
