# SPDX-License-Identifier: Apache-2.0
"""Firehose compression and buffering, which ministack stores but does not do."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Callable
from contextvars import ContextVar, copy_context

from ministack_edge import ministack_patches
from ministack_edge.protocol import Document

_compression: ContextVar[str] = ContextVar("firehose_compression", default="UNCOMPRESSED")


def _wrap_deliver(original: Callable[..., None]) -> Callable[..., None]:
    def deliver(stream: Document, dest: Document, data: bytes, keys: object = None) -> None:
        config = dest.get("config") or {}
        token = _compression.set(config.get("CompressionFormat", "UNCOMPRESSED"))
        try:
            original(stream, dest, data, keys)
        finally:
            _compression.reset(token)

    return deliver


def _wrap_put(original: Callable[..., None]) -> Callable[..., None]:
    def put(bucket: str, key: str, body: bytes) -> None:
        if _compression.get() == "GZIP":
            original(bucket, f"{key}.gz", gzip.compress(body, mtime=0))
        else:
            original(bucket, key, body)

    return put


def _buffered(original: Callable[..., None], seconds: float) -> Callable[..., None]:
    waiting: dict[int, list[bytes]] = {}
    lock = threading.Lock()

    def flush(stream: Document, dest: Document, keys: object) -> None:
        with lock:
            records = waiting.pop(id(dest))
            # Else the destination keeps every record that it ever got.
            dest["records"].clear()
        original(stream, dest, b"".join(records), keys)

    def deliver(stream: Document, dest: Document, data: bytes, keys: object = None) -> None:
        with lock:
            held = waiting.setdefault(id(dest), [])
            held.append(data)
            if len(held) > 1:
                return
        try:
            asyncio.get_running_loop().call_later(seconds, flush, stream, dest, keys)
        except RuntimeError:
            # A call of the API, which ministack answers in a thread; a rule's action is in none.
            later = (flush, stream, dest, keys)
            timer = threading.Timer(seconds, copy_context().run, later)
            timer.daemon = True
            timer.start()

    return deliver


def buffer(seconds: float) -> None:
    """Deliver what comes within so many seconds as one object; call it after ``install``."""
    ministack_patches.wrap(
        "ministack.services.firehose",
        "_deliver_to_s3",
        lambda original: _buffered(original, seconds),
    )


def install() -> None:
    """Compress what a stream with CompressionFormat GZIP delivers, and name it .gz as AWS does."""
    ministack_patches.wrap("ministack.services.firehose", "_deliver_to_s3", _wrap_deliver)
    ministack_patches.wrap("ministack.services.firehose", "_put_s3_object", _wrap_put)
