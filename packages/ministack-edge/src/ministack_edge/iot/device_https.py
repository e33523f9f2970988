# SPDX-License-Identifier: Apache-2.0
"""HTTPS with client certificates: the credentials provider and Greengrass's data plane.

On AWS these are endpoints of their own. Here they share the port of MQTT over mutual TLS: the first
byte after the handshake tells a request line from an MQTT packet.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from typing import Any
from urllib.parse import urlsplit

from ministack.core.responses import request_scope

from ministack_edge import ministack_patches
from ministack_edge.iot.certificates import Certificate
from ministack_edge.protocol import Answer, AwsError, Document

logger = logging.getLogger("ministack_edge.iot")
READ_SECONDS = 30
MOST_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request of a device: its path as sent, header names in lower case."""

    certificate: Certificate
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def document(self) -> Document:
        """The JSON object of the body; AwsError where it is none."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError as error:
            raise AwsError("ValidationException", f"The body is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise AwsError("ValidationException", "The body must be a JSON object")
        return found


Handler = Callable[[Request], Awaitable[Answer] | Answer]

_handlers: list[tuple[str, Handler]] = []


def add(prefix: str, handler: Handler) -> None:
    """Answer requests whose path begins with ``prefix``, in the certificate's account."""
    _handlers.append((prefix, handler))


class _Peeked:
    """A stream whose first bytes were read before."""

    def __init__(self, first: bytes, rest: asyncio.StreamReader) -> None:
        self._first, self._rest = first, rest

    async def read(self, size: int) -> bytes:
        first, self._first = self._first, b""
        return first or await self._rest.read(size)


def _split(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.read(65536)
        except OSError:
            first = b""
        if not first[:1].isalpha():
            await original(_Peeked(first, reader), writer)
            return
        try:
            await _serve(first, reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, HTTPException, ValueError):
            pass  # What is no request gets no answer.
        finally:
            writer.close()

    return serve


async def _serve(first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and end the connection."""
    async with asyncio.timeout(READ_SECONDS):
        while b"\r\n\r\n" not in first and len(first) < MOST_BYTES:
            more = await reader.read(65536)
            if not more:
                return
            first += more
        head, _, body = first.partition(b"\r\n\r\n")
        line, _, fields = head.partition(b"\r\n")
        method, target, _ = line.decode("ascii").split(" ")
        headers = {
            name.lower(): value
            for name, value in parse_headers(io.BytesIO(fields + b"\r\n\r\n")).items()
        }
        missing = min(int(headers.get("content-length", 0)), MOST_BYTES) - len(body)
        if missing > 0:
            body += await reader.readexactly(missing)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    path = urlsplit(target).path
    status, answer_headers, payload = await _answer(der, method, path, headers, body)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    kept = {name.lower(): value for name, value in answer_headers.items()}
    kept |= {"content-length": str(len(payload)), "connection": "close"}
    lines += [f"{name}: {value}" for name, value in kept.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
    await writer.drain()


async def _answer(
    der: bytes | None, method: str, path: str, headers: dict[str, str], body: bytes
) -> Answer:
    certificate = Certificate.presented(der)
    if certificate is None:
        return refusal(403, "AccessDeniedException", "Certificate is invalid on this endpoint")
    request = Request(certificate=certificate, method=method, path=path, headers=headers, body=body)
    for prefix, handler in _handlers:
        if path.startswith(prefix):
            with request_scope(certificate.account, certificate.region):
                try:
                    found: Any = handler(request)
                    result: Answer = await found if asyncio.iscoroutine(found) else found
                except AwsError as error:
                    return refusal(error.status, error.code, error.message)
                except Exception:
                    logger.exception("%s %s", method, path)
                    return refusal(500, "InternalFailure", "The local AWS failed; see its log")
                return result
    return refusal(404, "ResourceNotFoundException", f"There is no {method} {path}")


def refusal(status: int, code: str, message: str) -> Answer:
    """An error as AWS's device endpoints write it: the code is in a header."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return status, headers, json.dumps({"message": message}).encode()


def install() -> None:
    """Take requests on ministack's listener for devices."""
    ministack_patches.wrap("ministack.services.iot", "_mtls_serve_conn", _split)
