# SPDX-License-Identifier: Apache-2.0
"""A core's connection to AWS IoT: MQTT 3.1.1 over mutual TLS, as both nuclei connect.

AWS IoT answers a refused CONNECT with a closed connection, and a refused PUBLISH or SUBSCRIBE too:
``RefusedError`` is raised for both.
"""

import json
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awscrt import mqtt
from awscrt.exceptions import AwsCrtError
from awsiot import mqtt_connection_builder

ANSWER_SECONDS = 15
KEEP_ALIVE_SECONDS = 30
CONNECT_TRIES = 3
_BUSY = "AWS_IO_TLS_NEGOTIATION_TIMEOUT"


class RefusedError(Exception):
    """AWS IoT refused: the message says what was asked for, as whom."""


class RejectedError(RefusedError):
    """AWS IoT took a request and answered it on its ``/rejected`` topic."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where AWS IoT listens for MQTT, and the root certificate that its own is signed under."""

    host: str
    port: int
    root_ca: Path


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A client certificate and its key, as files."""

    certificate: Path
    key: Path


class Connection:
    """One MQTT session. ``lost`` is called when AWS IoT closes it; the client then tries again, and
    subscribes again to what it was granted, as nuclei do."""

    def __init__(
        self,
        endpoint: Endpoint,
        certificate: Certificate,
        client_id: str,
        *,
        lost: Callable[[], None] | None = None,
    ) -> None:
        self.client_id = client_id
        self.sent: list[tuple[str, bytes]] = []
        """Topic and payload of each message that AWS IoT acknowledged."""
        self._closed = threading.Event()
        self._lost = lost
        self._granted: dict[str, Callable[..., None]] = {}
        self._connection: Any = mqtt_connection_builder.mtls_from_path(
            endpoint=endpoint.host,
            port=endpoint.port,
            ca_filepath=str(endpoint.root_ca),
            cert_filepath=str(certificate.certificate),
            pri_key_filepath=str(certificate.key),
            client_id=client_id,
            clean_session=True,
            keep_alive_secs=KEEP_ALIVE_SECONDS,
            ping_timeout_ms=5000,
            protocol_operation_timeout_ms=ANSWER_SECONDS * 1000,
            reconnect_min_timeout_secs=1,
            on_connection_interrupted=self._interrupted,
            on_connection_resumed=self._resumed,
        )

    def open(self) -> "Connection":
        """Connect. Raises RefusedError if AWS IoT refuses the certificate or the client id.

        A TLS handshake that times out, as on a busy machine, is tried again, as nuclei do.
        """
        for tried in range(1, CONNECT_TRIES + 1):
            try:
                self._await(self._connection.connect(), "connect")
                break
            except RefusedError as error:
                cause = error.__cause__
                timed_out = isinstance(cause, AwsCrtError) and cause.name == _BUSY
                if tried == CONNECT_TRIES or not timed_out:
                    raise
        return self

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1 and wait for the acknowledgement."""
        self._closed.clear()
        future, _ = self._connection.publish(topic, payload, mqtt.QoS.AT_LEAST_ONCE)
        self._await(future, f"publish to {topic}")
        self.sent.append((topic, payload))

    def subscribe(self, topic_filter: str, on_message: Callable[[str, bytes], None]) -> None:
        """Call ``on_message(topic, payload)`` for every message, on a thread of the client."""
        self._closed.clear()

        def deliver(topic: str, payload: bytes, **_more: object) -> None:
            on_message(topic, payload)

        future, _ = self._connection.subscribe(topic_filter, mqtt.QoS.AT_LEAST_ONCE, deliver)
        answer = self._await(future, f"subscribe to {topic_filter}")
        # A granted quality of service, or None for the failure code 0x80.
        if answer["qos"] is None:
            raise RefusedError(f"{self.client_id}: subscribe to {topic_filter}")
        self._granted[topic_filter] = deliver

    def ask(self, topic: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Publish to ``topic`` and return the answer of ``<topic>/accepted``.

        Raises RejectedError with AWS IoT's own words for an answer of ``<topic>/rejected``.
        """
        answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        for kind in ("accepted", "rejected"):
            self.subscribe(f"{topic}/{kind}", lambda *answer: answers.put(answer))
        self.publish(topic, json.dumps(document).encode())
        try:
            found, payload = answers.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise RefusedError(f"{self.client_id}: no answer on {topic}") from None
        if found.endswith("/rejected"):
            raise RejectedError(f"{self.client_id}: {topic}: {payload.decode()}")
        answer: dict[str, Any] = json.loads(payload)
        return answer

    def close(self) -> None:
        """Disconnect. Where AWS IoT closed the connection, the client only stops trying again."""
        ended = self._connection.disconnect()
        if not self._closed.is_set():
            # Closed before, by this side or the other: awscrt says so with a RuntimeError.
            with suppress(AwsCrtError, FutureTimeoutError, RuntimeError):
                ended.result(timeout=ANSWER_SECONDS)

    def __enter__(self) -> "Connection":
        return self.open()

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _await(self, future: "Future[Any]", what: str) -> Any:
        """The future's result; RefusedError when the connection closes before it comes."""
        deadline = ANSWER_SECONDS * 10
        for _ in range(deadline):
            try:
                return future.result(timeout=0.1)
            except FutureTimeoutError:
                if self._closed.is_set():
                    raise RefusedError(f"{self.client_id}: {what}: closed by AWS IoT") from None
            except AwsCrtError as error:
                raise RefusedError(f"{self.client_id}: {what}: {error}") from error
        raise RefusedError(f"{self.client_id}: {what}: no answer in {ANSWER_SECONDS} s")

    def _interrupted(self, **_more: object) -> None:
        self._closed.set()
        if self._lost is not None:
            self._lost()

    def _resumed(self, *, session_present: bool, **_more: object) -> None:
        """Subscribe again, without waiting: this is a thread of the client."""
        if not session_present:
            for topic_filter, deliver in [*self._granted.items()]:
                self._connection.subscribe(topic_filter, mqtt.QoS.AT_LEAST_ONCE, deliver)
