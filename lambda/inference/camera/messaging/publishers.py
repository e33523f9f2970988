# SPDX-License-Identifier: Apache-2.0
"""Ways to send a message: through the Greengrass core, over HTTPS, or to the terminal."""

import contextlib
import http.client
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol, TextIO
from urllib.parse import quote, urlsplit

MAXIMUM_BYTES = 7000
"""A larger payload closes a component's connection to nucleus lite."""
_TIMEOUT_SECONDS = 15.0


class PublishError(Exception):
    """The message was not accepted; a later attempt may succeed."""


class Publisher(Protocol):
    """Sends one message at least once, or raises PublishError. Called by one thread at a time."""

    def publish(self, topic: str, payload: bytes) -> None: ...


class GreengrassPublisher:
    """Through the core's IPC, with quality of service 1. Connects on first use and after errors."""

    def __init__(self, connect: Callable[[], Any] | None = None) -> None:
        self._connect = connect or connect_to_core
        self._client: Any = None

    def publish(self, topic: str, payload: bytes) -> None:
        check_size(topic, payload)
        try:
            if self._client is None:
                self._client = self._connect()
            future = self._client.publish_to_iot_core_async(
                topic_name=topic, qos="1", payload=payload
            )
            future.result(timeout=_TIMEOUT_SECONDS)
        except Exception as error:
            # The SDK raises many unrelated types. A new connection fixes most of them.
            client, self._client = self._client, None
            _close(client)
            raise PublishError(f"Greengrass core: {type(error).__name__}: {error}") from error


class HttpsPublisher:
    """To AWS IoT's HTTPS endpoint: ``POST <endpoint>/topics/<topic>?qos=1``.

    It uses no credentials, so it is for a local AWS or a gateway on the camera's network.
    """

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{endpoint!r}: expected https://host[:port]")
        self._parts = parts

    def publish(self, topic: str, payload: bytes) -> None:
        check_size(topic, payload)
        host, port = str(self._parts.hostname), self._parts.port
        connection = (
            http.client.HTTPSConnection(
                host, port, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
            if self._parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
        )
        path = f"{self._parts.path.rstrip('/')}/topics/{quote(topic, safe='/')}?qos=1"
        try:
            connection.request(
                "POST", path, body=payload, headers={"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            answer = response.read(500)
        except (OSError, http.client.HTTPException) as error:
            raise PublishError(f"{self._parts.netloc}: {error}") from error
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            detail = answer.decode(errors="replace").strip()
            raise PublishError(f"{self._parts.netloc}: HTTP {response.status}: {detail[:200]}")


class PrintPublisher:
    """Prints one line per message, for a person at a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    def publish(self, topic: str, payload: bytes) -> None:
        print(topic, payload.decode(), file=self._stream, flush=True)


class LockedPublisher:
    """Lets several threads use one publisher, one at a time."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._lock = threading.Lock()

    def publish(self, topic: str, payload: bytes) -> None:
        with self._lock:
            self._publisher.publish(topic, payload)


def open_publisher(setting: str) -> Publisher:
    """The publisher for a setting. Raises ValueError naming what is allowed.

    ``https:<endpoint>`` takes a host, ``//host`` or a whole URL (``https:http://127.0.0.1:4566``
    for a local AWS).
    """
    kind, _, rest = setting.partition(":")
    if setting == "greengrass":
        return GreengrassPublisher()
    if setting == "print":
        return PrintPublisher()
    if kind in {"https", "http"} and rest:
        if rest.startswith(("http://", "https://")):
            return HttpsPublisher(rest)
        return HttpsPublisher(f"{kind}://{rest.removeprefix('//')}")
    raise ValueError(f"publisher {setting!r}: allowed are greengrass, https:<endpoint>, print")


def check_size(topic: str, payload: bytes) -> None:
    """Refuse messages for which a core would close the connection."""
    if len(payload) > MAXIMUM_BYTES:
        raise ValueError(f"message to {topic} has {len(payload)} bytes; allowed {MAXIMUM_BYTES}")


def connect_to_core() -> Any:
    """A new connection to the Greengrass core that runs this component."""
    # Imported on first use: the import takes a second on a small board and may fail on a laptop.
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2  # noqa: PLC0415

    return GreengrassCoreIPCClientV2()


def _close(client: Any) -> None:
    if client is not None:
        # Closing a broken connection may fail, which does not matter.
        with contextlib.suppress(Exception):
            client.close(executor_wait=False)
