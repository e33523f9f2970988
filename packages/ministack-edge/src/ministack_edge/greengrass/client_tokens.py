# SPDX-License-Identifier: Apache-2.0
"""Client tokens: for eight hours a repeated one gets the first answer, and nothing is done."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from ministack_edge.protocol import Document, store

SECONDS = 8 * 3600
"""How long the service keeps successful answers, whatever became of what they speak of."""

_answers: Any = store()


async def once(
    operation: str, request: Document, do: Callable[[], Awaitable[Document]]
) -> Document:
    """What ``do`` answers, or what it answered to the same token before."""
    token = request.get("clientToken")
    if not token:
        return await do()
    key = f"{operation} {token}"
    kept: tuple[float, Document] | None = _answers.get(key)
    if kept is not None and time.time() - kept[0] < SECONDS:
        return kept[1]
    answer = await do()
    _answers[key] = (time.time(), answer)
    return answer
