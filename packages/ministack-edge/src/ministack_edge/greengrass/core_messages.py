# SPDX-License-Identifier: Apache-2.0
"""Hands Greengrass what cores publish to AWS IoT: requests about jobs, and their status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core.responses import request_scope

from ministack_edge import ministack_patches
from ministack_edge.greengrass import fleet_status, job_topics

PREFIX = "$aws/things/"


def _delivering(original: Callable[..., Any]) -> Callable[..., Any]:
    async def publish(
        account: str, region: str, topic: str, payload: bytes, *more: Any, **named: Any
    ) -> None:
        await original(account, region, topic, payload, *more, **named)
        if topic.startswith(PREFIX):
            with request_scope(account, region):
                fleet_status.take(topic, payload)
                await job_topics.respond(topic, payload)

    return publish


def install() -> None:
    """Listen to what cores publish, whichever way it came."""
    job_topics.install()
    ministack_patches.wrap("ministack.services.iot", "broker_publish", _delivering)
