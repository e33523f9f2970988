# SPDX-License-Identifier: Apache-2.0
"""The part of MQTT 3.1.1 over mutual TLS that fleet provisioning needs; ``rotate.py`` uses it."""

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 30
_CONNECT, _PUBLISH, _SUBSCRIBE, _DISCONNECT = 0x10, 0x30, 0x82, 0xE0
_CONNACK, _SUBACK = 0x20, 0x90


class MqttError(Exception):
    """What AWS IoT refused."""


@dataclass(frozen=True)
class Endpoint:
    """AWS IoT's MQTT address and root certificate."""

    host: str
    port: int
    root_ca: Path


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Mqtt:
    """A session, open inside ``with``. Raises MqttError or OSError if it cannot be opened."""

    def __init__(self, endpoint: Endpoint, pair: Pair, client_id: str) -> None:
        self._endpoint, self._pair, self._client_id = endpoint, pair, client_id

    def __enter__(self) -> "Mqtt":
        context = ssl.create_default_context(cafile=str(self._endpoint.root_ca))
        context.load_cert_chain(self._pair.certificate, self._pair.key)
        address = (self._endpoint.host, self._endpoint.port)
        raw = socket.create_connection(address, timeout=ANSWER_SECONDS)
        self._socket = context.wrap_socket(raw, server_hostname=self._endpoint.host)
        try:
            # Protocol level 4, clean session, 60 s of keep-alive.
            self._send(_CONNECT, _text("MQTT") + b"\x04\x02\x00\x3c" + _text(self._client_id))
            kind, body = self._receive()
            if kind != _CONNACK or body[1:2] != b"\0":
                raise MqttError(f"AWS IoT refused the client id {self._client_id}")
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self._send(_DISCONNECT, b"")
        except OSError:
            pass
        finally:
            self._socket.close()

    def ask(self, topic: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Publish and return the answer on ``<topic>/accepted``.

        Raises MqttError if it is refused.
        """
        filters = b"".join(_text(f"{topic}/{kind}") + b"\0" for kind in ("accepted", "rejected"))
        self._send(_SUBSCRIBE, b"\0\x01" + filters)
        while True:
            kind, body = self._receive()
            if kind == _SUBACK:
                break
        if 0x80 in body[2:]:
            raise MqttError(f"AWS IoT refused to answer on {topic}")
        self._send(_PUBLISH, _text(topic) + json.dumps(document).encode())
        while True:
            kind, body = self._receive()
            if kind & 0xF0 != _PUBLISH:
                continue
            length = int.from_bytes(body[:2], "big")
            answered, payload = body[2 : 2 + length].decode(), body[2 + length :]
            if answered == f"{topic}/rejected":
                raise MqttError(f"AWS IoT refused: {payload.decode()}")
            if answered == f"{topic}/accepted":
                answer: dict[str, Any] = json.loads(payload)
                return answer

    def _send(self, kind: int, body: bytes) -> None:
        left, length = len(body), b""
        while True:
            left, low = divmod(left, 128)
            length += bytes([low | (0x80 if left else 0)])
            if not left:
                break
        self._socket.sendall(bytes([kind]) + length + body)

    def _receive(self) -> tuple[int, bytes]:
        kind, length, shift = self._read(1)[0], 0, 0
        while True:
            low = self._read(1)[0]
            length |= (low & 0x7F) << shift
            shift += 7
            if low < 0x80:
                return kind, self._read(length)

    def _read(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = self._socket.recv(count - len(found))
            if not part:
                raise MqttError("AWS IoT closed the connection: it refused the request")
            found += part
        return found


def _text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()
