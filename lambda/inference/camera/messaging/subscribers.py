# SPDX-License-Identifier: Apache-2.0
"""Receive the commands that are meant for this camera."""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from camera.messaging.publishers import connect_to_core

_log = logging.getLogger(__name__)
_CLOSING_SECONDS = 2.0


class SubscriberError(Exception):
    """The subscription ended; a later attempt may succeed."""


class Subscriber(Protocol):
    """Passes on each message on a topic until ``stop`` is set. Raises SubscriberError."""

    def run(
        self,
        topic: str,
        on_message: Callable[[bytes], object],
        ready: Callable[[], None],
        stop: threading.Event,
    ) -> None: ...


class GreengrassSubscriber:
    """Through the core's IPC, on a separate connection: if it breaks, no detection is affected."""

    def __init__(self, connect: Callable[[], Any] | None = None) -> None:
        self._connect = connect or connect_to_core

    def run(
        self,
        topic: str,
        on_message: Callable[[bytes], object],
        ready: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        """Listen; ``ready`` is called once the core has accepted the subscription."""
        ended = threading.Event()
        reasons: list[str] = []

        def on_error(error: Exception) -> bool:
            reasons.append(f"{type(error).__name__}: {error}")
            ended.set()
            return True

        def on_event(event: Any) -> None:
            payload = event.message.payload if event.message else b""
            try:
                on_message(payload if isinstance(payload, bytes) else str(payload).encode())
            except Exception:  # noqa: BLE001
                # An exception here would silently end the SDK's thread.
                _log.exception("command failed")

        try:
            client = self._connect()
        except Exception as error:
            # The SDK raises many unrelated types.
            raise SubscriberError(f"Greengrass core: {type(error).__name__}: {error}") from error
        operation: Any = None
        try:
            _, operation = client.subscribe_to_iot_core(
                topic_name=topic,
                qos="1",
                on_stream_event=on_event,
                on_stream_error=on_error,
                on_stream_closed=ended.set,
            )
            ready()
            while not stop.is_set() and not ended.wait(0.2):
                pass
        except Exception as error:
            raise SubscriberError(f"{topic}: {type(error).__name__}: {error}") from error
        finally:
            # Close the stream first: the SDK logs an error if a client is closed with open streams.
            with contextlib.suppress(Exception):
                if operation is not None:
                    operation.close()
                    ended.wait(_CLOSING_SECONDS)
            with contextlib.suppress(Exception):
                client.close(executor_wait=False)
        if not stop.is_set():
            raise SubscriberError(f"{topic}: {reasons[0] if reasons else 'the core ended it'}")


def open_subscriber(publisher: str) -> Subscriber | None:
    """The subscriber that matches this publisher; None if there is none."""
    return GreengrassSubscriber() if publisher == "greengrass" else None
