# SPDX-License-Identifier: Apache-2.0
"""The messages of a core's IPC on the wire (application/vnd.amazon.eventstream)."""

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from rehearsal.errors import RehearsalError


class Kind(IntEnum):
    """Values of the header ``:message-type``."""

    APPLICATION_MESSAGE = 0
    APPLICATION_ERROR = 1
    PING = 2
    PING_RESPONSE = 3
    CONNECT = 4
    CONNECT_ACK = 5


ACCEPTED, LAST_OF_STREAM = 1, 2
"""Bits of the header ``:message-flags``."""
_INTEGER, _BYTES, _TEXT = 4, 6, 7
_PRELUDE = struct.Struct(">III")


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message; ``headers`` are those beside type, flags and stream."""

    kind: Kind
    stream: int = 0
    flags: int = 0
    headers: Mapping[str, str | int] = field(default_factory=dict)
    payload: bytes = b""

    @property
    def document(self) -> dict[str, Any]:
        """The payload as JSON."""
        return dict(json.loads(self.payload or b"{}"))

    def encode(self) -> bytes:
        """The message as bytes, checksums included."""
        headers = b"".join(
            _header(name, value)
            for name, value in (
                (":message-type", int(self.kind)),
                (":message-flags", self.flags),
                (":stream-id", self.stream),
                *self.headers.items(),
            )
        )
        total = _PRELUDE.size + len(headers) + len(self.payload) + 4
        prelude = struct.pack(">II", total, len(headers))
        prelude += struct.pack(">I", zlib.crc32(prelude))
        body = prelude + headers + self.payload
        return body + struct.pack(">I", zlib.crc32(body))


def read_message(read: Callable[[int], bytes], *, limit: int) -> Message | None:
    """The next message from ``read(size)``; None at the end of the connection.

    Raises RehearsalError when it is longer than ``limit`` or damaged: a core closes the
    connection then.
    """
    prelude = read(_PRELUDE.size)
    if len(prelude) < _PRELUDE.size:
        return None
    total, length, checksum = _PRELUDE.unpack(prelude)
    if zlib.crc32(prelude[:8]) != checksum:
        raise RehearsalError("IPC: a message with a damaged prelude")
    if total > limit:
        raise RehearsalError(f"IPC: a message of {total} bytes; a core takes {limit}")
    rest = read(total - _PRELUDE.size)
    if len(rest) < total - _PRELUDE.size:
        return None
    if struct.unpack(">I", rest[-4:])[0] != zlib.crc32(prelude + rest[:-4]):
        raise RehearsalError("IPC: a damaged message")
    headers = _headers(rest[:length])
    return Message(
        kind=Kind(headers.pop(":message-type")),
        flags=int(headers.pop(":message-flags")),
        stream=int(headers.pop(":stream-id")),
        headers=headers,
        payload=rest[length:-4],
    )


def _header(name: str, value: str | int) -> bytes:
    begin = struct.pack(">B", len(name)) + name.encode()
    if isinstance(value, int):
        return begin + struct.pack(">Bi", _INTEGER, value)
    text = value.encode()
    return begin + struct.pack(">BH", _TEXT, len(text)) + text


def _headers(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    position = 0
    while position < len(data):
        size = data[position]
        name = data[position + 1 : position + 1 + size].decode()
        position += 1 + size
        kind = data[position]
        position += 1
        if kind == _INTEGER:
            [found[name]] = struct.unpack_from(">i", data, position)
            position += 4
        elif kind in {_BYTES, _TEXT}:
            [length] = struct.unpack_from(">H", data, position)
            value = data[position + 2 : position + 2 + length]
            found[name] = value.decode() if kind == _TEXT else value
            position += 2 + length
        else:
            raise RehearsalError(f"IPC: header {name} has the unexpected type {kind}")
    return found
