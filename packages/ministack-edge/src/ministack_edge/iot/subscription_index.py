# SPDX-License-Identifier: Apache-2.0
"""The broker's subscriptions, found by topic.

ministack compares a message with every subscription of every client: with 200 cameras of ten
subscriptions each, that is half of what a message costs. Here only filters are compared that begin
as the topic does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from ministack.services import iot

from ministack_edge import ministack_patches

_topic: ContextVar[str] = ContextVar("published_topic", default="")


def _start(topic_filter: str) -> str:
    """The levels of a filter before its first wildcard."""
    levels = topic_filter.split("/")
    wild = next((at for at, level in enumerate(levels) if level in ("+", "#")), len(levels))
    return "/".join(levels[:wild])


class SubscriptionIndex(dict[str, set[Any]]):
    """Subscribers by filter. ``values`` are those of filters that may match what is published."""

    def __init__(self) -> None:
        super().__init__()
        self._by_start: dict[str, dict[str, set[Any]]] = {}

    def setdefault(self, key: str, default: set[Any] | None = None) -> set[Any]:
        """The subscribers of a filter, which is added if it is new."""
        if key not in self:
            self[key] = set() if default is None else default
        return self[key]

    def __setitem__(self, key: str, value: set[Any]) -> None:
        super().__setitem__(key, value)
        self._by_start.setdefault(_start(key), {})[key] = value

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        start = _start(key)
        del self._by_start[start][key]
        if not self._by_start[start]:
            del self._by_start[start]

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a filter and return its subscribers."""
        if key not in self and default:
            return default[0]
        found = self[key]
        del self[key]
        return found

    def clear(self) -> None:
        """Remove all filters."""
        super().clear()
        self._by_start.clear()

    def values(self) -> Any:
        """Subscribers of all filters; while a message is published, of those that may match."""
        topic = _topic.get()
        return self._candidates(topic) if topic else super().values()

    def _candidates(self, topic: str) -> Iterator[set[Any]]:
        end = 0
        while end >= 0:
            end = topic.find("/", end + 1)
            yield from self._by_start.get(topic if end < 0 else topic[:end], {}).values()


def _publishing(original: Callable[..., Any]) -> Callable[..., Any]:
    async def publish(account: str, region: str, topic: str, *more: Any, **named: Any) -> None:
        token = _topic.set(f"{account}/{region}/{topic}")
        try:
            await original(account, region, topic, *more, **named)
        finally:
            _topic.reset(token)

    return publish


def install() -> None:
    """Keep the broker's subscriptions in an index."""
    iot._subscriptions = SubscriptionIndex()
    ministack_patches.wrap(iot.__name__, "broker_publish", _publishing)
